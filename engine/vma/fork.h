// fork and exit: dup_mmap() of mm/mmap.c (kernel/fork.c before 6.13), exit_mmap() of mm/mmap.c.
//
// Same: vmas are copied and unlinked in address order; flags set by mlockall and userfaultfd are
// not inherited; VM_DONTCOPY and VM_WIPEONFORK; an exit unlinks everything before it frees
// anything. Simplified: a fork in flight copies as far as Step events say, so that forks and exits
// of relatives may overlap; without Step events it happens in one piece. Ignored: page tables, and
// a fork that is killed half-way without an event for it.
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void dup_mm(Layer& layer, Mm& parent, const Fork& event);
// Continues a fork or an exit in flight up to the point that a Step tells.
void step(Layer& layer, Mm& mm, const EventHead& head, const Step& event);
// A fork in flight has failed: its copies are freed.
void abandon_fork(Layer& layer, Mm& parent);
void exit_mmap(Layer& layer, Mm& mm);

}  // namespace anonvma
