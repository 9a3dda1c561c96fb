// mmap and brk: mmap_region() and do_brk_flags() of mm/vma.c (mm/mmap.c before 6.13).
//
// Same: old mappings in the range are unmapped first and freed last; merges of the new range; flags
// (read back from the kernel, or made from the arguments if the vma could not be read).
// Simplified: of drivers that change flags or place the mapping only the result is known.
// Ignored: limits (rlimits, max_map_count): a call is replayed with the outcome it had.
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void mmap_region(Layer& layer, Mm& mm, const Map& event);
void do_brk_flags(Layer& layer, Mm& mm, const Brk& event);

}  // namespace anonvma
