// The tables of `anonvma top`.
#pragma once

#include <string>
#include <vector>

#include "engine/live/frame.h"
#include "engine/report/live_owners.h"

namespace anonvma {

// One line for each design.
std::vector<std::string> design_table(const LiveFrame& frame, std::size_t width);
// One line for each cache that the design uses.
std::vector<std::string> cache_table(const LiveFrame& frame, std::size_t design, std::size_t width);
// One line for each of the first `most` owners.
std::vector<std::string> owner_table(const LiveOwners& owners, By by, std::size_t most,
                                     std::size_t width);
// The index of the baseline.
std::size_t baseline_of(const LiveFrame& frame);

}  // namespace anonvma
