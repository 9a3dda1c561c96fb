// The acquisitions of anon_vma locks by the VMA layer itself, beside those of mm/rmap.c: around a
// change of a vma's range, as the reverse map finds pages by it.
//
// Simplified: read in vma_adjust(), vma_expand() and vma_prepare() of mm/mmap.c and mm/vma.c, and
// never held against a kernel. They are counted after the chains were cloned and before ranges
// change, where the kernel takes them.
// Ignored: those of mremap for each step of moving page tables, as pages have no place in a trace,
// and those of exec, which is replayed from its snapshot.
#pragma once

#include "engine/vma/layer.h"

namespace anonvma {

// A change of the layout, as far as locking depends on it.
struct Adjustment {
  VmaId vma;                  // the one adjusted, after its chain was cloned
  VmaId shrinks = {};         // a neighbour that loses pages to `vma`,
  VmaId grows = {};           // or gains some of it
  std::uint32_t removed = 0;  // vmas that go into it wholly
  bool inserts = false;       // a vma that was split off it
  bool start_moves = false;
};

void lock_layer(Layer& layer, const Adjustment& change);
// expand_downwards(): in all eras, as its start moves, and after the prepare.
void lock_stack(Layer& layer, VmaId stack);

}  // namespace anonvma
