// Runs of programs that the kernel skipped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace anonvma {

struct Misses {
  std::uint64_t lost = 0;
  std::uint64_t in_interrupts = 0;  // no loss: interrupts do not use the three caches

  std::uint64_t all() const { return lost + in_interrupts; }
};

// The skipped runs of all copies of one program. An event is lost if every copy skips it.
class SkippedByAll {
 public:
  // `counts` has the skipped runs of each copy so far. Returns how many events can have been lost
  // since the last call: the smallest increase among the copies. Frequent calls make it nearly
  // exact, as two copies seldom skip runs within the same short time.
  std::uint64_t grown(std::span<const std::uint64_t> counts) {
    before_.resize(counts.size());
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t i = 0; i < counts.size(); ++i) {
      least = std::min(least, counts[i] - before_[i]);
      before_[i] = counts[i];
    }
    return counts.empty() ? 0 : least;
  }

 private:
  std::vector<std::uint64_t> before_;
};

}  // namespace anonvma
