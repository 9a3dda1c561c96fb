// Forks and exits that run beside each other: which of them has come how far, in ring order.
//
// A fork copies vma by vma, an exit unlinks vma by vma, each under the lock of the anon_vma's root.
// What the slab hooks see inside that lock tells the order: the second chain entry that a copied
// vma allocates, the first one that a dying vma frees.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/trace/event.h"
#include "tracers/records.h"

namespace anonvma {

class Overlap {
 public:
  // Steps to be told before the truth record `r` of `mm`: empty while nothing overlaps.
  std::vector<std::pair<MmId, Event>> on_object(MmId mm, const anonvma_truth_record& r,
                                                const EventHead& head);
  // All that is not yet told: before somebody looks.
  std::vector<std::pair<MmId, Event>> all(const EventHead& head) {
    std::vector<std::pair<MmId, Event>> steps;
    tell(steps, head);
    return steps;
  }
  void forked(MmId parent) { forks_.erase(parent); }
  void exited(MmId mm) {
    forks_.erase(mm);
    exits_.erase(mm);
  }

 private:
  struct Forking {
    std::uint32_t seq = 0;
    std::uint64_t begun = 0;    // vmas allocated
    std::uint64_t entries = 0;  // chain entries of the last one
    std::uint64_t done = 0;     // vmas copied for certain
    std::uint64_t told = 0;
  };
  struct Exiting {
    std::optional<std::uint64_t> unlinked, told;  // start of the last vma
  };

  bool fork_step(Forking& fork, const anonvma_truth_record& r);
  void tell(std::vector<std::pair<MmId, Event>>& steps, const EventHead& head);

  std::map<MmId, Forking> forks_;
  std::map<MmId, Exiting> exits_;
};

}  // namespace anonvma
