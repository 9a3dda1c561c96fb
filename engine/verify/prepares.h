// Which task prepared which vma, on both sides.
//
// The model prepares a vma at the exception, the kernel a moment later. Nothing tells when a fault
// is over, and two tasks may prepare one vma at once: one of the two frees its objects again. So
// the last exception of each task is kept, and what the task has allocated since its last event.
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
    std::uint64_t handled_ns = 0;  // when the kernel prepared the vma; 0: not seen
    std::uint32_t seq = 0;         // number of the lock
  };
  // Objects that a task has allocated to prepare a vma, until an event of its own says for which.
  struct Maker {
    MmId mm;
    Counts counts;
    std::uint64_t ns = 0;
    bool told = false;  // its last event was the fault that this is for
  };

  // The kernel's side. Any object of a task makes the task known.
  void object_of(std::uint32_t tid) { makers_.try_emplace(tid); }
  // The task of `head` has allocated an object to prepare a vma.
  void allocated(const EventHead& head, CacheIndex cache, std::uint64_t object);
  // Notes a free that may turn out to be that of a lost race.
  void freed(std::uint32_t tid, CacheIndex cache, std::uint64_t object);
  // The task has freed the chain entry that it had allocated: another task was faster. True when
  // its anon_vma went the same way.
  bool lost_race(std::uint32_t tid);

  // The model's side: an event of the task, which prepared so many vmas. True when nothing was
  // known of the task before.
  bool event_of(const Event& event, std::uint64_t prepared);
  void raised(const EventHead& head, std::uint64_t addr, const Counts& model);
  // The same for a Touch, which is told when the kernel has prepared the vma.
  void touched(const EventHead& head, std::uint64_t addr);

  // True when a fault in the range was raised before `head`, which is that of a snapshot, and may
  // have been handled behind it. A task's own reading ends when its record is written: with the
  // same number of the lock, the fault may have been handled while the reading was under way.
  bool in_flight(const EventHead& head, std::uint64_t start, std::uint64_t end,
                 bool own_reading) const;

  const std::unordered_map<std::uint32_t, Exception>& exceptions() const { return exceptions_; }
  const std::unordered_map<std::uint32_t, Maker>& makers() const { return makers_; }
  std::uint64_t bytes() const;

  // How long a fault takes at most.
  static constexpr std::uint64_t kFaultTakesNs = 100'000'000;

 private:
  // All by tid.
  std::unordered_map<std::uint32_t, Exception> exceptions_;
  std::unordered_map<std::uint32_t, Maker> makers_;
  std::unordered_map<std::uint32_t, std::uint64_t> made_;     // the anon_vma it just allocated
  std::unordered_map<std::uint32_t, std::uint64_t> dropped_;  // the anon_vma it just freed
};

}  // namespace anonvma
