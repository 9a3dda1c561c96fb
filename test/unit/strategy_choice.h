// A strategy as the command line names it: "lazy-v1:merge=base,fork=never".
#pragma once

#include <string_view>

#include "engine/replay/selection.h"
#include "test/catch.h"

namespace anonvma::test {

inline StrategyChoice choice(std::string_view text) {
  const Result<Selection> selection = select_strategies(text, "", "");
  REQUIRE(selection);
  REQUIRE(selection->strategies.size() == 1);
  return selection->strategies.front();
}

}  // namespace anonvma::test
