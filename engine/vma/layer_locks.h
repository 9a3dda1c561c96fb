// The acquisitions of anon_vma locks by the VMA layer itself, beside those of mm/rmap.c. The VMA
// layer takes a lock around a change of a vma's range, as the reverse map finds pages by the range.
//
// Simplified: the rules were read in vma_adjust(), vma_expand() and vma_prepare() of mm/mmap.c and
// mm/vma.c, and never compared with a running kernel. Locks are counted where the kernel takes
// them: after the chains were cloned and before ranges change. Ignored: locks of mremap for each
// step of moving page tables, as pages have no place in a trace, and locks of exec, which is
// replayed from its snapshot.
#pragma once

#include "engine/vma/layer.h"

namespace anonvma {

// A change of the layout, as far as locking depends on it.
struct Adjustment {
  VmaId vma;                  // the adjusted vma, after its chain was cloned
  VmaId shrinks = {};         // a neighbour that loses pages to `vma`,
  VmaId grows = {};           // or gains pages of `vma`
  std::uint32_t removed = 0;  // number of vmas that go into `vma` wholly
  bool inserts = false;       // a vma that was split off `vma` is inserted
  bool start_moves = false;
};

void lock_layer(Layer& layer, const Adjustment& change);
// expand_downwards() takes the lock in all eras, as the start moves, and after the prepare.
void lock_stack(Layer& layer, VmaId stack);

}  // namespace anonvma
