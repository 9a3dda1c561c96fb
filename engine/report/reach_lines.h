// What --check-reach found, as lines for people and as a value for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/replay/result.h"

namespace anonvma {

// A line per row that was checked, and below it where the first finding is; empty when none was.
std::string reach_lines(const Comparison& comparison);

// {"checks", "findings", "pages", "first": {...}}; "first" is left out where there is none.
nlohmann::ordered_json reach_json(const ReachReport& report);

}  // namespace anonvma
