// The vmas of an mm that its tasks have prepared since its last writer.
//
// The model prepares one vma after the other, so the second of two neighbours shares the anon_vma of
// the first. Two tasks of the kernel may both look before either has set its own, and both allocate.
// A NewAnonVma event says which task has allocated:
//
//   task 1   touch A ─────────── new_anon_vma A            A has allocated what the model gave to A
//   task 2           touch B ────────────────── new_anon_vma B    B shares it, and gets its own
//
// Simplified: a task that allocates, and then finds its vma prepared by a third task that shares.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/ids.h"

namespace anonvma {

class PreparedAtOnce {
 public:
  // `seq` is the lock number of the mm: between two writers it stays the same.
  void prepared(std::uint32_t seq, VmaId vma) {
    if (seq != seq_) {
      vmas_.clear();
      makers_.clear();
      seq_ = seq;
    }
    add(vmas_, vma);
  }
  // A task has allocated an anon_vma for `vma`. False if the vma was prepared earlier, or if this is
  // the second task that has allocated one for it: one of the two was too late.
  bool makes(std::uint32_t seq, VmaId vma) {
    if (seq != seq_ || !contains(vmas_, vma) || contains(makers_, vma)) return false;
    add(makers_, vma);
    return true;
  }
  bool is_maker(VmaId vma) const { return contains(makers_, vma); }

 private:
  static constexpr std::size_t kMost = 64;  // preparations that may be under way, by far

  static void add(std::vector<VmaId>& vmas, VmaId vma) {
    if (vmas.size() == kMost) vmas.erase(vmas.begin());
    vmas.push_back(vma);
  }
  static bool contains(const std::vector<VmaId>& vmas, VmaId vma) {
    return std::find(vmas.rbegin(), vmas.rend(), vma) != vmas.rend();
  }

  std::uint32_t seq_ = 0;
  std::vector<VmaId> vmas_, makers_;
};

}  // namespace anonvma
