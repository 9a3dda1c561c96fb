// The lanes of a verdict, and the first differences in full.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/slab/cache.h"
#include "engine/verify/verdict.h"

namespace anonvma {

class Lanes {
 public:
  enum Index : std::uint8_t {
    kMapCount,
    kWriters,
    kVmas,
    kChains,
    kOperations,  // this lane and all after it need the truth lane
    kFaults,
    kPerMm,
    kAllocated,                       // one lane per cache
    kLive = kAllocated + kNumCaches,  // one lane per cache
    kNumLanes = kLive + kNumCaches,
  };

  // With `truth` the trace carries the kernel's own objects.
  explicit Lanes(bool truth);

  Lane& operator[](std::size_t index) { return lanes_[index]; }
  const Lane& operator[](std::size_t index) const { return lanes_[index]; }
  // `difference` is only called if the two sides differ, and returns the text of the difference.
  template <class Difference>
  void compare(Index index, bool equal, Difference&& difference) {
    ++lanes_[index].compared;
    if (equal)
      ++lanes_[index].equal;
    else
      differ(difference());
  }
  // A damaged recording may have more frees than allocations.
  void compare_total(std::size_t index, std::int64_t kernel, std::int64_t model);
  void differ(std::string difference);
  // Records were lost, so equal lanes of objects mean nothing. A difference that was found before
  // is still a finding.
  void lose_objects(std::uint64_t records);

  std::uint64_t differing() const;  // comparisons that failed
  const std::vector<std::string>& differences() const { return differences_; }
  std::vector<Lane> all() const { return {lanes_.begin(), lanes_.end()}; }

 private:
  std::array<Lane, kNumLanes> lanes_;
  std::vector<std::string> differences_;
};

}  // namespace anonvma
