// How many random lives a test plays: all in the optimised build. An emulator of one program, ten to
// twenty times slower, is there for the architecture, and sanitizers for the code that runs: a tenth
// tells of both.
#pragma once

#include <algorithm>

namespace anonvma {

constexpr unsigned lives(unsigned count) {
#ifdef ANONVMA_SLOW
  return std::max(1u, count / 10);
#else
  return count;
#endif
}

}  // namespace anonvma
