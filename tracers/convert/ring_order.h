// Lock numbers for kernels on which no hook sees the mmap_lock. The number of an operation is its
// place in the ring: where a record first showed it under the lock (a record of its task, or of the
// next task under the lock), or else where the call returned. Of two tasks that change one mm at
// the same time, the second may then seem to be the first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "tracers/records.h"

namespace anonvma {

class RingOrder {
 public:
  // Fills in the number of a record. To be called for every record, in ring order.
  void number(std::span<std::byte> bytes);

 private:
  // The calls of a task: the call that has a place, and the last call that returned.
  struct Calls {
    std::uint64_t mm = 0;
    std::uint32_t seq = 0, call = 0, returned = 0;
  };
  std::uint32_t take(std::uint64_t mm) { return 2 * taken_[mm]++ + 1; }
  std::uint32_t place(const anonvma_record& record);
  std::uint32_t end(const anonvma_record& record);

  std::unordered_map<std::uint64_t, std::uint32_t> taken_;  // numbers given, by mm
  std::unordered_map<std::uint32_t, Calls> calls_;          // by tid
};

}  // namespace anonvma
