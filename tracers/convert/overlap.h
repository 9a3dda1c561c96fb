// Forks and exits that run at the same time: how far each of them has come, in ring order.
//
// A fork copies vma by vma, and an exit unlinks vma by vma, each under the lock of the anon_vma's
// root. Two slab hooks inside that lock tell the order: the second chain entry that a copied vma
// allocates, and the first chain entry that a dying vma frees.
//
//   fork of A   vma 1 copied ──────────── vma 2 copied ───────────── ...
//   exit of B   ───────────── vma 9 unlinked ─────── vma 8 unlinked ...
//   steps               A: 1 ─ B: 9 ────── A: 2 ──── B: 8              written while both are under way
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
  // Steps that precede the truth record `r` of `mm`. Empty while nothing overlaps.
  std::vector<std::pair<MmId, Event>> on_object(MmId mm, const anonvma_truth_record& r,
                                                const EventHead& head);
  // All steps that are still to come. To be called before states are compared.
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
    std::uint64_t entries = 0;  // chain entries of the last vma
    std::uint64_t done = 0;     // vmas that are certainly copied
    std::uint64_t reported = 0;
  };
  struct Exiting {
    std::optional<std::uint64_t> unlinked, reported;  // start of the last vma
  };

  static bool fork_step(Forking& fork, const anonvma_truth_record& r);
  void tell(std::vector<std::pair<MmId, Event>>& steps, const EventHead& head);

  std::map<MmId, Forking> forks_;
  std::map<MmId, Exiting> exits_;
};

}  // namespace anonvma
