// The amount of memory that the recorder takes for records that were not read yet.
#pragma once

#include <cstdint>
#include <string_view>

#include "tracers/load/drain.h"

namespace anonvma {

struct MachineSize {
  std::uint64_t cpus = 1;
  std::uint64_t memory_bytes = 0;  // of the machine, or what a cgroup leaves of it
};
MachineSize machine_size();

struct RingPlan {
  std::uint64_t ring_bytes = 0;   // of kernel memory, a power of two, taken at once
  std::uint64_t spill_bytes = 0;  // of the recorder's memory, at most
};
// The ring grows with the cpus that fill it and with the truth lane, which doubles the records.
// A reader without priority has to wait for its turn: then the ring is eight times as large. Ring
// and spill are each limited to a small share of the memory.
RingPlan plan_ring(const MachineSize& machine, bool truth, Standing standing);

// The name in the header of a trace.
std::string_view name_of(Standing standing);

}  // namespace anonvma
