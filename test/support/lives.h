// How many random lives a test plays. The optimised build plays all of them. Sanitizers and an
// emulator of one program, which are ten to twenty times slower, play a tenth: the one looks at the
// code that runs, and the other at the architecture. ANONVMA_LIVES=all in the environment asks for
// all.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace anonvma {

inline unsigned lives(unsigned count) {
#ifdef ANONVMA_SLOW
  const char* const wish = std::getenv("ANONVMA_LIVES");
  if (!wish || std::string_view(wish) != "all") return std::max(1u, count / 10);
#endif
  return count;
}

}  // namespace anonvma
