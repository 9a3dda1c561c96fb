// The interface between the VMA layer and an anon_vma design.
//
// A strategy sees vmas come and go and allocates from its caches through a SlabAccount. It sees
// no trace, no clock and no other strategy, and it prints nothing. The words are those of
// mm/rmap.c. Merge *rules* are not here: they are KernelRules of the VMA layer, which asks
// faulted(), same() and singular().
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/ids.h"
#include "engine/slab/slab_account.h"

namespace anonvma {

// An mm between mm_init() and mm_exit(): dense and reused.
using MmSlot = Id<struct MmSlotTag>;

// The part of a vma that a design may see. All but `mm` changes with resized().
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
class Strategy {
 public:
  Strategy(SlabAccount& slab, Layout& layout) : slab_(slab), layout_(layout) {}
  virtual ~Strategy() = default;
  Strategy(const Strategy&) = delete;
  Strategy& operator=(const Strategy&) = delete;

  // The objects themselves, to be compared with the kernel's. A name is never used twice; 0: none.
  struct ChainLink {
    std::uint64_t anon_vma = 0, root = 0, parent = 0;
    std::uint64_t num_children = 0, num_active_vmas = 0;
  };

  // Queries (strategies differ in their answers, and so in their vma layout).
  virtual bool faulted(VmaId vma) const = 0;      // vma->anon_vma is set
  virtual bool same(VmaId a, VmaId b) const = 0;  // equal anon_vma, both unfaulted included
  virtual bool singular(VmaId vma) const = 0;     // the chain has exactly one entry
  // True if the VMA layer takes a lock around changes of the range of `vma`.
  virtual bool locked_by_vma_layer(VmaId vma) const { return faulted(vma); }

  // anon_vma_prepare(): a first private page is about to appear. Never called when faulted().
  virtual void prepare(VmaId vma) = 0;
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
  // The unlink() of a vma that was merged into `kept`, after clone(kept, removed, merge) if that is
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

  // The number of vmas that a reverse-map walk visits for a page first faulted in `vma`; 0 for
  // an unfaulted one.
  virtual std::uint64_t rmap_walk_length(VmaId vma) const = 0;
  // The number of vmas linked to each live anon_vma (context), in any order.
  virtual std::vector<std::uint64_t> vmas_per_anon_vma() const { return {}; }
  // The target of a page faulted into `vma` now (folio->mapping): a name that is never used
  // twice; 0 for an unfaulted vma. It may change during the life of a vma if a design moves
  // its pages over.
  virtual std::uint64_t rmap_target(VmaId vma) const { return anon_vma_name(vma); }
  // True if a walk for a page that points at `target` visits `vma`.
  virtual bool reaches(std::uint64_t target, VmaId vma) const {
    return std::ranges::any_of(chain_links(vma),
                               [target](const ChainLink& link) { return link.anon_vma == target; });
  }
  // True if rmap_target() of a faulted vma may change during its life. If the old target no longer
  // reaches the vma, pages that pointed at it then point at the new one.
  virtual bool moves_pages() const { return false; }
  // Adds to `objs` the objects of `mm` itself, not of its vmas.
  virtual void add_mm_objs(MmSlot mm, std::span<std::uint64_t, kAllCaches> objs) const {
    (void)mm;
    (void)objs;
  }
  // Entries in the remap trees of all contexts: words inside other objects, no objects
  // of their own.
  virtual std::uint64_t remap_entries() const { return 0; }

  // Starts exactly from a snapshot of the recording kernel's own objects. False if this design
  // cannot take them over: the driver then replays them as a life and marks the result. `chain` is
  // most recently added first and includes the vma's own anon_vma.
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

  // vma->anon_vma; 0 for an unfaulted vma, and always in a design without such objects.
  virtual std::uint64_t anon_vma_name(VmaId vma) const {
    (void)vma;
    return 0;
  }
  // The chain of `vma`, most recently added first.
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

// A choice within one design: `strategy:key=value`.
struct Parameter {
  std::string_view key;
  std::span<const std::string_view> values;  // the first is the default
  std::string_view meaning;
};
// Values that differ from the default, by key.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// The text of `anonvma strategies NAME`: a strategy says itself what it is and what it leaves out.
struct StrategyPage {
  std::string_view idea;
  std::string_view price;
  std::string_view source;  // kernel commits with their subjects, or the posting
  std::string_view same;    // equal to the kernel, object for object
  std::string_view simplified;
  std::string_view ignored;
  std::span<const Parameter> parameters = {};
  // The line that a table must print about it; empty for designs of released kernels.
  std::string_view basis = {};
};

struct StrategyInfo {
  std::string_view name;     // on the command line and in reports
  std::string_view summary;  // one line
  std::string_view kernels;  // releases that have it, or "proposal"
  // Name of its KernelRules under --era-accurate; empty: those of the recorder.
  std::string_view era;
  std::unique_ptr<Strategy> (*make)(SlabAccount&, Layout&, const Parameters&);
  const StrategyPage& (*page)();
};

// A strategy with its parameters chosen.
struct StrategyChoice {
  StrategyChoice(const StrategyInfo& strategy, Parameters chosen = {})
      : info(&strategy), parameters(std::move(chosen)) {}
  const StrategyInfo* info;
  Parameters parameters;
  std::string name() const;  // "lazy-v1:merge=base": without parameters at their default
  // The lines that a table must print about it: the basis, and all parameters with their values.
  std::string basis() const;
  std::unique_ptr<Strategy> make(SlabAccount& slab, Layout& layout) const {
    return info->make(slab, layout, parameters);
  }
  friend bool operator==(const StrategyChoice&, const StrategyChoice&) = default;
};
// The value of `key`: the chosen one, or the default of `page`.
std::string_view parameter(const Parameters& chosen, const StrategyPage& page,
                           std::string_view key);

// Registered strategies, in the order of strategies.def.
std::span<const StrategyInfo> strategies();
// nullptr if no strategy has that name.
const StrategyInfo* find_strategy(std::string_view name);

}  // namespace anonvma
