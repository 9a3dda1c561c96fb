// Why anon_vmas are alive, as text and JSON. Pure: equal values give equal bytes.
#pragma once

#include <cstddef>
#include <string>

#include "engine/look/explanation.h"

namespace anonvma {

struct ExplainOptions {
  std::size_t most = 5;      // lines of each list
  bool whole_moment = true;  // also what is not about one anon_vma
};

// At most 80 columns for usual traces.
std::string explain_text(const Explanation& explanation, const ExplainOptions& options);
// The schema is "anonvma.explain/1". It has all that the value has.
std::string explain_json(const Explanation& explanation);

}  // namespace anonvma
