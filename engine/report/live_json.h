// `anonvma top --json-lines`: the schema "anonvma.top/1". The first line describes what stays the
// same, and each further line is one interval. Keys may be added, never renamed.
#pragma once

#include <string>

#include "engine/live/frame.h"
#include "engine/report/live_screen.h"

namespace anonvma {

// Both end with a newline.
std::string live_json_head(const LiveFrame& frame);
// With the first `owners` owners.
std::string live_json_line(const LiveFrame& frame, const LiveView& view, std::size_t owners);

}  // namespace anonvma
