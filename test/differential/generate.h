// Random programs from a seed.
#pragma once

#include <array>
#include <cstdint>

#include "test/differential/program.h"

namespace anonvma::differential {

struct Taste {
  std::size_t operations = 60;
  unsigned processes = 6;  // at most
  unsigned threads = 1;    // more than one: programs whose threads run at the same time
  std::array<unsigned, kOps> weights;
  Taste() {
    for (const OpInfo& info : differential::operations())
      weights[static_cast<std::size_t>(info.op)] = info.weight;
  }
};

// The same seed and taste give the same program on every machine.
Program generate(std::uint64_t seed, const Taste& taste);

}  // namespace anonvma::differential
