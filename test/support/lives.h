// The number of random lives that a test plays. The optimised build plays all of them. Sanitizers
// and the emulator of one program are ten to twenty times slower and play a tenth: sanitizers check
// the code that runs, and the emulator checks the architecture. ANONVMA_LIVES=all in the
// environment makes them play all.
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
