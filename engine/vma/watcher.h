// An observer of pages that appear, move and go while address spaces change. It changes nothing.
// Without an observer the VMA layer pays a branch per call.
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

  // These two enclose every operation; all other calls come in between.
  virtual void began(OpKind kind, std::uint64_t event, std::uint64_t time_ns) = 0;
  virtual void settled() = 0;

  // Private pages of `vma`, which is faulted, were written to. They belong to it from now on.
  virtual void written(VmaId vma, std::uint64_t pgoff, std::uint64_t pages) = 0;
  // Pages that `from` has at these offsets belong to `to` from now on. The call comes after the
  // strategy's clone() into `to` and before its unlink() of `from`.
  virtual void moved(VmaId to, VmaId from, std::uint64_t pgoff, std::uint64_t pages, Move why) = 0;
  // `child` maps the pages of `parent`. The call comes when the fork has succeeded.
  virtual void forked(VmaId child, VmaId parent) = 0;
  // The pages of `vma` are freed: its unlink() comes next.
  virtual void emptied(VmaId vma) = 0;
};

}  // namespace anonvma
