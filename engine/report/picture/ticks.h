// Round numbers for an axis.
#pragma once

#include <string>
#include <vector>

namespace anonvma {

struct Tick {
  double value = 0;
  std::string text;  // without the unit
};

// 0 and the multiples of 1, 2 or 5 times a power of ten up to `end`: at most `most` + 1 ticks.
std::vector<Tick> ticks(double end, std::size_t most);

}  // namespace anonvma
