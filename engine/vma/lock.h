// mlock, munlock, mlockall and munlockall: mm/mlock.c.
//
// Same: flags of each vma, what a call that fails has changed by then, populating of what was
// locked.
// Simplified: the limit of locked memory is not modelled. A call over it is told from others by
// the counter mm->locked_vm that the recorder read, or by the flags at its start.
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void do_mlock(Layer& layer, Mm& mm, const Lock& event);

}  // namespace anonvma
