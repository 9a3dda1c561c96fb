// As avc-3.0, but a forked child may make an abandoned ancestor's anon_vma its own: the oldest one
// in its chain that no vma has for its own and that has fewer than two children. A line of
// generations then keeps 3 anon_vmas whatever its length. The price: pages of a process and of a
// late descendant may hang on one anon_vma, so that rmap walks of both are longer.
//
// Mirrors Linux 6.0 to 6.19 and the stable trees that have Linux kernel commit 2555283eb40d
// "mm/rmap: Fix anon_vma->degree ambiguity leading to double-reuse" (5.15, late 5.10).
//
// Same: objects, chains, both counters, root lock acquisitions of mm/rmap.c; the recording kernel's
// own objects seed it exactly. Simplified: a lock is a number. Ignored: references by KSM and
// migration, which can delay a free; acquisitions of the VMA layer.
#include "engine/strategy/avc_strategy.h"

namespace anonvma {

std::unique_ptr<Strategy> make_num_children(SlabAccount& slab, Layout& layout) {
  return make_avc_strategy(slab, layout, {.reuse = Reuse::num_children, .order = CloneOrder::keep},
                           /*seeds=*/true);
}

}  // namespace anonvma
