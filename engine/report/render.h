// One comparison as text for people or JSON for programs. Pure: equal values give equal bytes.
#pragma once

#include <string>

#include "engine/replay/result.h"

namespace anonvma {

// At most 100 columns, to be pasted into a mail. With a single row there is nothing to compare
// with, and the columns of changes are left out.
std::string render_text(const Comparison& comparison);

// The schema "anonvma.compare/1" of the README; ends with a newline.
std::string render_json(const Comparison& comparison);

}  // namespace anonvma
