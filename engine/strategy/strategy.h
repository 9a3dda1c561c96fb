// What the VMA layer and an anon_vma design say to each other.
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

// An mm between mm_init() and mm_exit(): dense, and given out again.
using MmSlot = Id<struct MmSlotTag>;

// A vma as far as a design may look at it. All but `mm` changes with resized().
struct VmaView {
  MmSlot mm;
  std::uint64_t start = 0, pages = 0, pgoff = 0;  // in pages
  FileId file = 0;
  bool anonymous = false;
  bool has_close = false;  // a vm_ops->close hook
};

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
  virtual VmaView view(VmaId vma) const = 0;
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
//    come before all releases;
//  - mm_init() comes before the first vma of an mm, mm_exit() after its last release(); in a fork
//    mm_init(child) comes before, mm_forked() after the copies, and not at all when it failed;
//  - resized() comes after the range of a vma changed, settle() at the end of every operation.
class Strategy {
 public:
  Strategy(SlabAccount& slab, Layout& layout) : slab_(slab), layout_(layout) {}
  virtual ~Strategy() = default;
  Strategy(const Strategy&) = delete;
  Strategy& operator=(const Strategy&) = delete;

  // The objects themselves, to be held against the kernel's. A name is never used twice; 0: none.
  struct ChainLink {
    std::uint64_t anon_vma = 0, root = 0, parent = 0;
    std::uint64_t num_children = 0, num_active_vmas = 0;
  };

  // Queries (strategies differ in their answers, and so in their vma layout).
  virtual bool faulted(VmaId vma) const = 0;      // vma->anon_vma is set
  virtual bool same(VmaId a, VmaId b) const = 0;  // equal anon_vma, both unfaulted included
  virtual bool singular(VmaId vma) const = 0;     // the chain has exactly one entry
  // Is there a lock that the VMA layer takes around changes of the range of `vma`?
  virtual bool locked_by_vma_layer(VmaId vma) const { return faulted(vma); }

  // anon_vma_prepare(): a first private page is about to appear. Never called when faulted().
  virtual void prepare(VmaId vma) = 0;
  // anon_vma_clone(): `dst`, unfaulted and without objects, becomes as `src`. Does nothing when
  // `src` is unfaulted.
  virtual void clone(VmaId dst, VmaId src, CloneOp op) = 0;
  // anon_vma_fork(): `child` is the copy of `parent` in a new mm. `child_prev` is the vma built
  // just before it in the child, none for the first.
  virtual void fork(VmaId child, VmaId parent, VmaId child_prev) = 0;
  // The copy of a VM_WIPEONFORK vma starts unfaulted. Linux 4.14 to 5.6 prepares it at once, while
  // its neighbours are still those of `parent`; called under the rules of those kernels only.
  virtual void fork_wiped(VmaId child, VmaId parent) {
    (void)parent;
    prepare(child);
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

  virtual void mm_init(MmSlot mm) { (void)mm; }
  virtual void mm_forked(MmSlot child, MmSlot parent) {
    (void)child;
    (void)parent;
  }
  virtual void mm_exit(MmSlot mm) { (void)mm; }
  virtual void resized(VmaId vma) { (void)vma; }
  virtual void settle() {}

  // Reverse-map walks. How many vmas one visits for a page first faulted in `vma`; 0 for an
  // unfaulted one.
  virtual std::uint64_t rmap_walk_length(VmaId vma) const = 0;
  // Of every anon_vma (context) alive the number of vmas linked to it, in any order.
  virtual std::vector<std::uint64_t> vmas_per_anon_vma() const { return {}; }
  // What a page faulted into `vma` now points at (folio->mapping): a name that is never used twice;
  // 0 for an unfaulted vma. It may change while the vma lives where a design moves its pages over.
  virtual std::uint64_t rmap_target(VmaId vma) const { return anon_vma_name(vma); }
  // Does a walk for a page that points at `target` visit `vma`?
  virtual bool reaches(std::uint64_t target, VmaId vma) const {
    return std::ranges::any_of(chain_links(vma),
                               [target](const ChainLink& link) { return link.anon_vma == target; });
  }
  // May rmap_target() of a faulted vma change while it lives? Its pages that pointed at the old
  // one, where that does not reach it any more, then point at the new one.
  virtual bool moves_pages() const { return false; }
  // Objects of `mm` itself, not of its vmas, added to `objs`.
  virtual void add_mm_objs(MmSlot mm, std::span<std::uint64_t, kAllCaches> objs) const {
    (void)mm;
    (void)objs;
  }
  // Entries in the remap trees of all contexts: words inside of other objects, none of their own.
  virtual std::uint64_t remap_entries() const { return 0; }

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

// A choice within one design: `strategy:key=value`.
struct Parameter {
  std::string_view key;
  std::span<const std::string_view> values;  // the first is the default
  std::string_view meaning;
};
// Values that differ from the default, by key.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// What `anonvma strategies NAME` prints: a strategy says itself what it is and how far it goes.
struct StrategyPage {
  std::string_view idea;
  std::string_view price;
  std::string_view source;  // kernel commits with their subjects, or the posting
  std::string_view same;    // as the kernel does it, object for object
  std::string_view simplified;
  std::string_view ignored;
  std::span<const Parameter> parameters = {};
  // What a table of it has to name in one line; empty for what kernels were released with.
  std::string_view basis = {};
};

struct StrategyInfo {
  std::string_view name;     // on the command line and in reports
  std::string_view summary;  // one line
  std::string_view kernels;  // releases that have it, or "proposal"
  // Name of the KernelRules it belongs to under --era-accurate; empty: those of the recorder.
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
  std::string name() const;  // "lazy-v1:merge=base": what differs from the defaults
  // What a table has to say of it: the basis, and all parameters with their values.
  std::string basis() const;
  std::unique_ptr<Strategy> make(SlabAccount& slab, Layout& layout) const {
    return info->make(slab, layout, parameters);
  }
  friend bool operator==(const StrategyChoice&, const StrategyChoice&) = default;
};
// The value of `key`: as chosen, or the default `page` names.
std::string_view parameter(const Parameters& chosen, const StrategyPage& page,
                           std::string_view key);

// Registered strategies, in the order of strategies.def.
std::span<const StrategyInfo> strategies();
// nullptr when there is none of that name.
const StrategyInfo* find_strategy(std::string_view name);

}  // namespace anonvma
