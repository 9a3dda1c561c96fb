// Which strategies a comparison runs, from the words of a command line.
#pragma once

#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

struct Selection {
  std::vector<const StrategyInfo*> strategies;  // in the order asked for, each once
  std::string_view baseline;                    // always one of them
};

// `list` is comma-separated: names, and the groups "all", "mainline" (in a released kernel) and
// "default" (the recording kernel's own and those it is usually held against). `own` is the
// recording kernel's strategy, empty when unknown; it is the baseline unless `baseline` names
// another, and the first of the list is when neither is known. A baseline that is not in the list
// is put before it. An unknown name is a usage error that lists the known ones.
Result<Selection> select_strategies(std::string_view list, std::string_view baseline,
                                    std::string_view own);

}  // namespace anonvma
