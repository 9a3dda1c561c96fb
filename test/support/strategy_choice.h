// A strategy as the command line names it: "lazy-v1:merge=base,fork=never".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/strategy/selection.h"
#include "test/catch.h"

namespace anonvma::test {

inline StrategyChoice choice(std::string_view text) {
  const Result<Selection> selection = select_strategies(text, "", "");
  REQUIRE(selection);
  REQUIRE(selection->strategies.size() == 1);
  return selection->strategies.front();
}

// Every strategy: with its defaults, with one parameter at a time set to each of its values, and
// with all parameters changed.
inline std::vector<StrategyChoice> every_choice() {
  std::vector<StrategyChoice> all;
  for (const StrategyInfo& info : strategies()) {
    const std::string name(info.name);
    all.push_back(choice(name));
    std::string all_changed;
    for (const Parameter& p : info.page().parameters) {
      std::string changed;
      for (const std::string_view value : p.values.subspan(1)) {
        changed = std::string(p.key) + "=" + std::string(value);
        all.push_back(choice(name + ":" + changed));
      }
      all_changed += (all_changed.empty() ? ":" : ",") + changed;
    }
    if (info.page().parameters.size() > 1) all.push_back(choice(name + all_changed));
  }
  return all;
}

}  // namespace anonvma::test
