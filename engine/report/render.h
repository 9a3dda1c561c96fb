// One comparison as text for people or JSON for programs. Pure: equal values give equal bytes.
#pragma once

#include <string>
#include <string_view>

#include "engine/replay/result.h"

namespace anonvma {

// At most 100 columns, to be pasted into a mail. With a single row there is nothing to compare
// with, and the columns of changes are left out.
std::string render_text(const Comparison& comparison);

// The schema "anonvma.compare/1" of the README; ends with a newline.
std::string render_json(const Comparison& comparison);

// What `verify` found, lane by lane, and the first differences. The comparison has a verdict.
std::string render_verdict_text(const Comparison& comparison);
// The schema "anonvma.verify/1"; ends with a newline.
std::string render_verdict_json(const Comparison& comparison);
// The verdict in a few words, and as one: "objects" (every lane is equal), "map_count" (the same of
// a trace without the truth lane), "differs", "no" (nothing to compare with).
std::string verdict_words(const Comparison& comparison);
std::string_view verdict_name(const Comparison& comparison);

}  // namespace anonvma
