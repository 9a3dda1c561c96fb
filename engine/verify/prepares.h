// The vmas that tasks prepare, on both sides.
//
// The model prepares a vma at the exception, the kernel a moment later. No event tells when a fault
// is over, and two tasks may prepare one vma at once: one of the two frees its objects again. So
// the last exception of each task is kept, and the objects that it allocated since its last event.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "engine/slab/budget.h"
#include "engine/slab/counts.h"
#include "engine/trace/event.h"

namespace anonvma {

class Prepares {
 public:
  // The last exception of a task at which the model has prepared a vma.
  struct Exception {
    MmId mm;
    std::uint64_t addr = 0, ns = 0;
    Counts model;                  // what the model allocated
    std::uint64_t handled_ns = 0;  // when the kernel prepared the vma; 0: not yet
    std::uint32_t seq = 0;         // lock number
  };
  // Objects that a task has allocated to prepare a vma, until the task's next event tells which
  // vma.
  struct Maker {
    MmId mm;
    Counts counts;
    std::uint64_t ns = 0;
    bool behind_fault = false;  // the task's last event was the fault that needs these objects
  };

  // The kernel's side. Any object of a task makes the task known.
  void object_of(std::uint32_t tid) { makers_.try_emplace(tid); }
  // The task of `head` has allocated an object to prepare a vma.
  void allocated(const EventHead& head, CacheIndex cache, std::uint64_t object);
  // Notes a free that may turn out to be that of a lost race.
  void freed(std::uint32_t tid, CacheIndex cache, std::uint64_t object);
  // The task has freed the chain entry that it had allocated: another task was faster. True if it
  // has freed its new anon_vma as well.
  bool lost_race(std::uint32_t tid);

  // The model's side: an event of a task, which prepared `prepared` vmas. True if the task was
  // unknown before.
  bool event_of(const Event& event, std::uint64_t prepared);
  void raised(const EventHead& head, std::uint64_t addr, const Counts& model);
  // The same for a Touch, which is recorded after the kernel has prepared the vma.
  void touched(const EventHead& head, std::uint64_t addr);

  // `head` is that of a snapshot. True if a fault in the range was raised before the snapshot, and
  // may have been handled after it. The time of a task's own reading is that of its end: with the
  // same lock number, the fault may have been handled during the reading.
  bool in_flight(const EventHead& head, std::uint64_t start, std::uint64_t end,
                 bool own_reading) const;

  const std::unordered_map<std::uint32_t, Exception>& exceptions() const { return exceptions_; }
  const std::unordered_map<std::uint32_t, Maker>& makers() const { return makers_; }
  std::uint64_t bytes() const;

  // The longest time that a fault takes.
  static constexpr std::uint64_t kFaultTakesNs = 100'000'000;

 private:
  // All by tid.
  std::unordered_map<std::uint32_t, Exception> exceptions_;
  std::unordered_map<std::uint32_t, Maker> makers_;
  std::unordered_map<std::uint32_t, std::uint64_t> made_;     // the anon_vma just allocated
  std::unordered_map<std::uint32_t, std::uint64_t> dropped_;  // the anon_vma just freed
};

}  // namespace anonvma
