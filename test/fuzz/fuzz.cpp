#include "test/fuzz/fuzz.h"

#include <xxhash.h>

#include <cstdio>
#include <cstdlib>

namespace anonvma::fuzz {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", what);
  std::abort();
}

bool one_in(unsigned n, Input input) { return XXH3_64bits(input.data(), input.size()) % n == 0; }

std::uint8_t take_byte(Input& input) {
  if (input.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(input.front());
  input = input.subspan(1);
  return byte;
}

}  // namespace anonvma::fuzz
