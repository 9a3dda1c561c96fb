// Lock numbers for kernels on which no hook sees the mmap_lock: an operation has the number of its
// place in the ring. That is where something of it was first seen to happen under the lock, by its
// task or by the next one that was there, and else where the call returned: of two tasks that
// change one mm at the same time the one that came second may then seem to be first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "tracers/records.h"

namespace anonvma {

class RingOrder {
 public:
  // Fills in the number of a record. Every record, in ring order.
  void number(std::span<std::byte> record);

 private:
  // The calls of a task: the one that has a place, and the last one that has returned.
  struct Calls {
    std::uint64_t mm = 0;
    std::uint32_t seq = 0, call = 0, returned = 0;
  };
  std::uint32_t take(std::uint64_t mm) { return 2 * taken_[mm]++ + 1; }
  std::uint32_t place(const anonvma_record& record);
  std::uint32_t end(const anonvma_record& record);

  std::unordered_map<std::uint64_t, std::uint32_t> taken_;  // numbers, by mm
  std::unordered_map<std::uint32_t, Calls> calls_;          // by tid
};

}  // namespace anonvma
