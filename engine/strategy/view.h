// The questions that reports, the verifier and the reach check ask a standing model. No answer
// changes the model, and the VMA layer asks none of them but faulted().
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/ids.h"
#include "engine/slab/cache.h"

namespace anonvma {

// An mm between mm_init() and mm_exit(): dense, and given out again.
using MmSlot = Id<struct MmSlotTag>;

class StrategyView {
 public:
  virtual ~StrategyView() = default;

  // True if vma->anon_vma is set.
  virtual bool faulted(VmaId vma) const = 0;

  // Reverse-map walks. The number of vmas that a walk visits for a page first faulted in `vma`; 0
  // for an unfaulted one.
  virtual std::uint64_t rmap_walk_length(VmaId vma) const = 0;
  // For every anon_vma (context) alive the number of vmas linked to it, in any order.
  virtual std::vector<std::uint64_t> vmas_per_anon_vma() const { return {}; }
  // folio->mapping of a page faulted into `vma` now: a name that is never used twice, 0 for an
  // unfaulted vma. It may change while the vma lives where a design moves its pages over.
  virtual std::uint64_t rmap_target(VmaId vma) const { return anon_vma_name(vma); }
  // True if a walk for a page that points at `target` visits `vma`.
  virtual bool reaches(std::uint64_t target, VmaId vma) const {
    return std::ranges::any_of(chain_links(vma),
                               [target](const ChainLink& link) { return link.anon_vma == target; });
  }
  // True if rmap_target() of a faulted vma may change while it lives. Its pages that pointed at the
  // old target then point at the new one, unless the old target still reaches the vma.
  virtual bool moves_pages() const { return false; }

  // Objects of `mm` itself, not of its vmas, added to `objs`.
  virtual void add_mm_objs(MmSlot mm, std::span<std::uint64_t, kAllCaches> objs) const {
    (void)mm;
    (void)objs;
  }
  // Entries in the remap trees of all contexts: words inside of other objects, no objects.
  virtual std::uint64_t remap_entries() const { return 0; }

  // The objects themselves, to be compared with the kernel's. A name is never used twice; 0: none.
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
};

}  // namespace anonvma
