// The anon_vmas of the start: the numbers of vmas and children that the kernel has for them, and
// those that the snapshots show. If the numbers differ, an anon_vma is shared with address spaces
// that were not recorded.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include "engine/slab/budget.h"
#include "engine/trace/collected.h"

namespace anonvma {

class Kin {
 public:
  // A kernel with `degree` counts vmas and children of an anon_vma together, as num_children.
  explicit Kin(bool degree) : degree_(degree) {}

  void attached(const MmSnapshot& snapshot);
  // The number of anon_vmas that have vmas or children that no snapshot shows.
  std::uint64_t elsewhere() const;
  // True if the anon_vma is one of them. Its counters may then change without an event: an mm that was
  // exiting when the recording began is in no snapshot, and goes on to drop what it has.
  bool is_elsewhere(AnonVmaId id) const;
  std::uint64_t bytes() const { return of_.size() * (2 * kNodeBytes + sizeof(Relatives)); }

 private:
  struct Relatives {
    std::uint64_t active = 0, children = 0;  // the kernel's counters
    std::uint64_t active_seen = 0;
    std::unordered_set<std::uint32_t> children_seen;
  };
  bool has_more(const Relatives& kin) const;

  bool degree_;
  std::unordered_map<std::uint32_t, Relatives> of_;  // by anon_vma
};

}  // namespace anonvma
