// Selects the strategies of a comparison by the words of a command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/strategy/registry.h"

namespace anonvma {

struct Selection {
  std::vector<StrategyChoice> strategies;  // in the order asked for, each once
  std::string baseline;                    // name of one of them
};

// `list` is comma-separated: names, and the groups "all", "mainline" (in a released kernel) and
// "default" (the recording kernel's own and those it is usually compared with). A name may have
// parameters, "lazy-v1:merge=base,fork=never": a word with "=" and no ":" belongs to the strategy
// before it. `own` is the recording kernel's strategy, empty if unknown. The baseline is `baseline`
// if given, else `own`, else the first of the list. A baseline that is not in the list is put
// before it. An unknown name, key or value is a usage error that lists the known ones.
Result<Selection> select_strategies(std::string_view list, std::string_view baseline,
                                    std::string_view own);

}  // namespace anonvma
