// How many random lives a test plays. Under an emulator of one program, ten to twenty times slower,
// the architecture is what is tested, and a tenth of them tells it.
#pragma once

#include <algorithm>

namespace anonvma {

constexpr unsigned lives(unsigned count) {
#ifdef ANONVMA_EMULATED
  return std::max(1u, count / 10);
#else
  return count;
#endif
}

}  // namespace anonvma
