// The objects of all designs over time, for other programs. The rows of the comparison have timelines
// (ReplayOptions::timeline).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/look/lives.h"
#include "engine/replay/result.h"

namespace anonvma {

// A header line, then a line per design, point and cache; the cache "sum" has bytes only.
std::string series_csv(const Comparison& comparison);
// The schema "anonvma.series/1": an array per cache.
nlohmann::ordered_json series_value(const Comparison& comparison);
std::string series_json(const Comparison& comparison);
// Chrome's JSON trace format, which Perfetto reads: a counter per design and cache, a track per process
// with a slice for each of its mms, and an arrow for each fork.
std::string series_perfetto(const Comparison& comparison, const std::vector<const MmLife*>& lives);

}  // namespace anonvma
