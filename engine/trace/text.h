// The text form of a trace: `dump` prints it, tests write it, and parse(format(e)) == e.
//
//   0.000123456 tid=41 mm=3 seq=7 map_count=23 map addr=0x7f0000000000 len=0x2000 prot=0x3 ...
//
// Head fields that are zero or none and body fields at their default (zero, none, a pkey of -1) are
// left out; the time may be left out, too. An unknown key or a malformed value is an error that
// names the line. '#' begins a comment, blank lines are skipped.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/trace/event.h"

namespace anonvma {

std::string format_text(const Event& event);  // one line, no newline
std::string format_json(const Event& event);  // one JSON object, no newline
Result<std::vector<Event>> parse_text(std::string_view text);

}  // namespace anonvma
