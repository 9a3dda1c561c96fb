// Counters of the records that did not fit into the ring, as the BPF programs keep them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include "tracers/load/programs.h"
#include "tracers/lost_count.h"
#include "tracers/records.h"

namespace anonvma {

class Losses {
 public:
  explicit Losses(const Programs& programs);

  // The losses since the last call.
  std::vector<LostCount> take();
  // Rises before and after each update of a counter. A gap record carries it.
  std::uint64_t generation() const;

 private:
  struct Counter {
    std::uint64_t count = 0;
    std::chrono::steady_clock::time_point since;
  };
  void take_of_anybody(std::vector<LostCount>& grown);
  void take_by_mm(std::vector<LostCount>& grown);

  const Programs& programs_;
  std::vector<std::uint32_t> cpus_;                               // possible ones
  std::vector<std::array<std::uint64_t, ANONVMA_KINDS>> before_;  // of cpus_, of no known mm
  std::map<std::array<std::uint64_t, 2>, Counter> by_mm_;         // by mm, kind and cpu
  std::uint64_t taken_ = 0;                                       // generation
};

}  // namespace anonvma
