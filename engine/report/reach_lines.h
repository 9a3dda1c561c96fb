// The result of --check-reach, as lines for people and as a value for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/replay/result.h"

namespace anonvma {

// A line per checked row, and below it the place of its first finding. Empty if no row was checked.
std::string reach_lines(const Comparison& comparison);

// {"checks", "findings", "pages", "first": {...}}; "first" is left out where there is none.
nlohmann::ordered_json reach_json(const ReachReport& report);

}  // namespace anonvma
