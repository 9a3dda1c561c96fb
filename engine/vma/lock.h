// mlock, munlock, mlockall and munlockall: mm/mlock.c.
//
// Same: flags of each vma, the changes of a failed call before it failed, populating of locked
// vmas. Simplified: the limit of locked memory is not modelled. A call over the limit is recognised
// by the counter mm->locked_vm that the recorder read, or by the flags at the start of its range.
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void do_mlock(Layer& layer, Mm& mm, const Lock& event);

}  // namespace anonvma
