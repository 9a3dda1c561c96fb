// mmap and brk: mmap_region() and do_brk_flags() of mm/vma.c (mm/mmap.c before 6.13).
//
// Same: what lies in the way is unmapped first and freed last, what the new range merges with, the
// flags of a mapping (read back from the kernel, or from the arguments where it could not be read).
// Simplified: drivers that change flags or place the mapping themselves are known by their result.
// Ignored: limits (rlimits, max_map_count): a call is replayed with the outcome it had.
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void mmap_region(Layer& layer, Mm& mm, const Map& event);
void do_brk_flags(Layer& layer, Mm& mm, const Brk& event);

}  // namespace anonvma
