// One who looks on while address spaces change: told which pages appear, move and go. It changes
// nothing, and the VMA layer pays one branch per call where there is none.
//
// Pages are named by their vma and pgoff, which mremap does not change.
#pragma once

#include <cstdint>

#include "engine/ids.h"
#include "engine/slab/slab_account.h"

namespace anonvma {

class Watcher {
 public:
  virtual ~Watcher() = default;

  enum class Move : std::uint8_t { split, merge, remap };

  // Around every operation; the rest is called in between.
  virtual void began(OpKind kind, std::uint64_t event, std::uint64_t time_ns) = 0;
  virtual void settled() = 0;

  // Private pages of `vma` were written to, and are its own from now on. It is faulted.
  virtual void written(VmaId vma, std::uint64_t pgoff, std::uint64_t pages) = 0;
  // The pages `from` has at these offsets, if any, are those of `to` from now on. Comes after the
  // strategy's clone() into `to`, and before its unlink() of `from`.
  virtual void moved(VmaId to, VmaId from, std::uint64_t pgoff, std::uint64_t pages, Move why) = 0;
  // `child` maps what `parent` does. Comes when the fork has succeeded.
  virtual void forked(VmaId child, VmaId parent) = 0;
  // The pages of `vma` go: its unlink() comes next.
  virtual void emptied(VmaId vma) = 0;
};

}  // namespace anonvma
