// What the VMA layer and an anon_vma design say to each other.
//
// A strategy sees vmas come and go and allocates from its caches through a SlabAccount. It sees
// no trace, no clock and no other strategy, and it prints nothing. The words are those of
// mm/rmap.c. Merge *rules* are not here: they are KernelRules of the VMA layer, which asks
// faulted(), same() and singular().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/ids.h"
#include "engine/slab/slab_account.h"

namespace anonvma {

// The read-only view a strategy has of the vmas around the one it is asked about.
class Layout {
 public:
  virtual ~Layout() = default;
  // Neighbours in the same mm by address, adjacent or not; none at the ends.
  virtual VmaId prev(VmaId vma) const = 0;
  virtual VmaId next(VmaId vma) const = 0;
  // May `upper` share the anon_vma of `lower`, or the other way round: adjacent, same policy and
  // file, contiguous pgoff, flags equal outside the era's mask (anon_vma_compatible()).
  virtual bool compatible(VmaId lower, VmaId upper) const = 0;
  // The vm_area_struct of `vma` was freed: its id may be given out again.
  virtual void recycle(VmaId vma) = 0;
};

// Why anon_vma_clone() is called outside fork.
enum class CloneOp : std::uint8_t { split, remap, merge };

// Order of calls the VMA layer guarantees:
//  - a VmaId is dense; it is new (never prepared) when it first appears in any call, and again
//    after recycle();
//  - clone() and fork() come before ranges change (kernel order: clone, then commit), so that
//    Layout still shows the old layout of everything but `dst`;
//  - every vma is unlinked exactly once, then released exactly once; at exit all unlinks of an mm
//    come before all releases.
class Strategy {
 public:
  Strategy(SlabAccount& slab, Layout& layout) : slab_(slab), layout_(layout) {}
  virtual ~Strategy() = default;
  Strategy(const Strategy&) = delete;
  Strategy& operator=(const Strategy&) = delete;

  // Queries (strategies differ in their answers, and so in their vma layout).
  virtual bool faulted(VmaId vma) const = 0;      // vma->anon_vma is set
  virtual bool same(VmaId a, VmaId b) const = 0;  // equal anon_vma, both unfaulted included
  virtual bool singular(VmaId vma) const = 0;     // the chain has exactly one entry
  // How many vmas an rmap walk visits for a page first faulted in `vma`.
  virtual std::uint64_t rmap_walk_length(VmaId vma) const = 0;

  // anon_vma_prepare(): a first private page is about to appear. Never called when faulted().
  virtual void prepare(VmaId vma) = 0;
  // anon_vma_clone(): `dst`, unfaulted and without objects, becomes as `src`. Does nothing when
  // `src` is unfaulted.
  virtual void clone(VmaId dst, VmaId src, CloneOp op) = 0;
  // anon_vma_fork(): `child` is the copy of `parent` in a new mm. `child_prev` is the vma built
  // just before it in the child, none for the first.
  virtual void fork(VmaId child, VmaId parent, VmaId child_prev) = 0;
  // The same for a VM_WIPEONFORK vma: the child starts unfaulted.
  virtual void fork_wiped(VmaId child, VmaId parent) {
    (void)child;
    (void)parent;
  }
  // unlink_anon_vmas(): the vma is unmapped, merged away, or left behind by MREMAP_DONTUNMAP (then
  // it lives on unfaulted). Does nothing for an unfaulted vma.
  virtual void unlink(VmaId vma) = 0;
  // The unlink() of a vma that went into `kept`, after clone(kept, removed, merge) where that is
  // due. Apart because the oldest design locks for either of the two.
  virtual void unlink_merged(VmaId removed, VmaId kept) {
    (void)kept;
    unlink(removed);
  }
  // The VMA layer drops its vm_area_struct. A strategy that keeps references may hold it longer.
  virtual void release(VmaId vma) { free_vma(vma); }

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

  // The objects themselves, to be held against the kernel's. A name is never used twice; 0: none.
  struct ChainLink {
    std::uint64_t anon_vma = 0, root = 0, parent = 0;
    std::uint64_t num_children = 0, num_active_vmas = 0;
  };
  // vma->anon_vma; 0 for an unfaulted vma, and always in a design without such objects.
  virtual std::uint64_t anon_vma_name(VmaId vma) const {
    (void)vma;
    return 0;
  }
  // Most recently added first.
  virtual std::vector<ChainLink> chain_links(VmaId vma) const {
    (void)vma;
    return {};
  }

 protected:
  void free_vma(VmaId vma) {
    slab_.free(kVmAreaStruct);
    layout_.recycle(vma);
  }
  SlabAccount& slab_;
  Layout& layout_;
};

// What `anonvma strategies NAME` prints: a strategy says itself what it is and how far it goes.
struct StrategyPage {
  std::string_view idea;
  std::string_view price;
  std::string_view source;  // kernel commits with their subjects, or the posting
  std::string_view same;    // as the kernel does it, object for object
  std::string_view simplified;
  std::string_view ignored;
};

struct StrategyInfo {
  std::string_view name;     // on the command line and in reports
  std::string_view summary;  // one line
  std::string_view kernels;  // releases that have it, or "proposal"
  std::unique_ptr<Strategy> (*make)(SlabAccount&, Layout&);
  const StrategyPage& (*page)();
};

// Registered strategies, in the order of strategies.def.
std::span<const StrategyInfo> strategies();
// nullptr when there is none of that name.
const StrategyInfo* find_strategy(std::string_view name);

}  // namespace anonvma
