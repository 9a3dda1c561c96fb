// The operations of an anon_vma design, and what the VMA layer lets it see. view.h has the rest of
// its interface: the questions that are asked of a standing model.
//
// A strategy sees vmas come and go and allocates from its caches through a SlabAccount. It sees
// no trace, no clock and no other strategy, and it prints nothing. The words are those of
// mm/rmap.c. Merge *rules* are not here: they are KernelRules of the VMA layer, which asks
// faulted(), same() and singular().
#pragma once

#include <cstdint>
#include <span>

#include "engine/ids.h"
#include "engine/slab/slab_account.h"
#include "engine/strategy/view.h"

namespace anonvma {

// The part of a vma that a design may look at. All but `mm` changes with resized().
struct VmaView {
  MmSlot mm;
  std::uint64_t start = 0, pages = 0, pgoff = 0;  // in pages
  FileId file = 0;
  bool anonymous = false;
  bool has_close = false;  // a vm_ops->close hook
};

// A strategy's read-only view of the vmas around a given one.
class Layout {
 public:
  virtual ~Layout() = default;
  // Neighbours in the same mm by address, adjacent or not; none at the ends.
  virtual VmaId prev(VmaId vma) const = 0;
  virtual VmaId next(VmaId vma) const = 0;
  // True if `upper` may share the anon_vma of `lower`, or the other way round: adjacent, same
  // policy and file, contiguous pgoff, flags equal outside the era's mask (anon_vma_compatible()).
  virtual bool compatible(VmaId lower, VmaId upper) const = 0;
  virtual VmaView view(VmaId vma) const = 0;
  // The vm_area_struct of `vma` was freed: its id may be reused.
  virtual void recycle(VmaId vma) = 0;
};

// The reason of an anon_vma_clone() outside fork.
enum class CloneOp : std::uint8_t { split, remap, merge };

// Order of calls the VMA layer guarantees:
//  - a VmaId is dense; it is new (never prepared) when it first appears in any call, and again
//    after recycle();
//  - clone() and fork() come before ranges change (kernel order: clone, then commit), so that
//    Layout still shows the old layout of everything but `dst`;
//  - every vma is unlinked exactly once, then released exactly once; at exit all unlinks of an mm
//    come before all releases;
//  - mm_init() comes before the first vma of an mm, mm_exit() after its last release();
//  - in a fork mm_init(child) comes before the copies and mm_forked() after them; a fork that
//    failed has no mm_forked();
//  - resized() comes after the range of a vma changed, settle() at the end of every operation.
class Strategy : public StrategyView {
 public:
  Strategy(SlabAccount& slab, Layout& layout) : slab_(slab), layout_(layout) {}
  Strategy(const Strategy&) = delete;
  Strategy& operator=(const Strategy&) = delete;

  // Questions of the merge rules. Designs differ in their answers, and so in their vma layout.
  virtual bool same(VmaId a, VmaId b) const = 0;  // equal anon_vma, both unfaulted included
  virtual bool singular(VmaId vma) const = 0;     // the chain has exactly one entry
  // True if the VMA layer takes a lock around changes of the range of `vma`.
  virtual bool locked_by_vma_layer(VmaId vma) const { return faulted(vma); }

  // anon_vma_prepare(): a first private page is about to appear. Never called when faulted().
  virtual void prepare(VmaId vma) = 0;
  // Another task prepared a neighbour at the same moment, so that prepare() should not have found its
  // anon_vma: `vma` gets one of its own. Called while prepare() is the last that happened to `vma`.
  virtual void part(VmaId vma) { (void)vma; }
  // anon_vma_clone(): `dst`, unfaulted and without objects, becomes equal to `src`. Does nothing if
  // `src` is unfaulted.
  virtual void clone(VmaId dst, VmaId src, CloneOp op) = 0;
  // anon_vma_fork(): `child` is the copy of `parent` in a new mm. `child_prev` is the vma built
  // just before it in the child, none for the first.
  virtual void fork(VmaId child, VmaId parent, VmaId child_prev) = 0;
  // The copy of a VM_WIPEONFORK vma starts unfaulted. Linux 4.14 to 5.6 prepares it at once, while
  // its neighbours are still those of `parent`. Called under the rules of those kernels only.
  virtual void fork_wiped(VmaId child, VmaId parent) {
    (void)parent;
    prepare(child);
  }
  // unlink_anon_vmas(): the vma is unmapped, merged away, or left behind by MREMAP_DONTUNMAP and
  // lives on unfaulted. Does nothing for an unfaulted vma.
  virtual void unlink(VmaId vma) = 0;
  // The unlink() of a vma that went into `kept`, after clone(kept, removed, merge) where that is
  // due. Separate from unlink() because 2.6.32 takes the lock if either vma is faulted.
  virtual void unlink_merged(VmaId removed, VmaId kept) {
    (void)kept;
    unlink(removed);
  }
  // The VMA layer drops its vm_area_struct. A strategy that keeps references may hold it longer.
  virtual void release(VmaId vma) { free_vma(vma); }

  virtual void mm_init(MmSlot mm) { (void)mm; }
  virtual void mm_forked(MmSlot child, MmSlot parent) {
    (void)child;
    (void)parent;
  }
  virtual void mm_exit(MmSlot mm) { (void)mm; }
  virtual void resized(VmaId vma) { (void)vma; }
  virtual void settle() {}

  // Exact start from a snapshot of the recording kernel's own objects; false when this design
  // cannot take them over (the driver then replays them as a life and marks the result).
  // `chain` is most recently added first and includes the vma's own anon_vma.
  struct SeedLink {
    AnonVmaId anon_vma, root, parent;  // ids of the snapshot, dense from 0
    std::uint64_t num_children = 0, num_active_vmas = 0;
  };
  virtual bool can_seed() const { return false; }
  virtual void seed(VmaId vma, AnonVmaId anon_vma, std::span<const SeedLink> chain) {
    (void)vma;
    (void)anon_vma;
    (void)chain;
  }

 protected:
  void free_vma(VmaId vma) {
    slab_.free(kVmAreaStruct);
    layout_.recycle(vma);
  }
  SlabAccount& slab_;
  Layout& layout_;
};

}  // namespace anonvma
