// mremap: mm/mremap.c, with copy_vma() of mm/vma.c.
//
// Same: growing in place, moving, MREMAP_DONTUNMAP, several vmas in one call (6.17), the changes of
// a refused or interrupted call before it ended, offsets of moved anonymous memory. Simplified: no allocation fails by itself. Ignored: moving
// page tables, and the locks for that; userfaultfd events.
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void do_mremap(Layer& layer, Mm& mm, const Remap& event);

}  // namespace anonvma
