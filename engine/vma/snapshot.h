// Snapshots of one mm: it begins with one at exec, and is corrected by one after an unseen writer.
// Snapshots at attach and after a loss are in attach.h.
//
// Same: the ranges, attributes and faulted vmas that the snapshot shows.
// Simplified: the loader's own calls are not replayed. An unseen writer is replayed as the
// difference between the model and the snapshot, mapped, unmapped or changed by the ordinary rules.
#pragma once

#include "engine/trace/collected.h"
#include "engine/vma/layer.h"

namespace anonvma {

void take_exec(Layer& layer, const MmSnapshot& seen);
// Replays an unseen writer as the difference between the model and the kernel's state. Returns what was
// prepared because a stack has grown.
Prepared resynchronise(Layer& layer, Mm& mm, const MmSnapshot& seen);
// Makes a vma as a snapshot shows it, without objects of the strategy. None if the range is
// impossible or in use.
VmaId take_vma(Layer& layer, Mm& mm, const SnapVma& vma);
// Sets the other fields of an mm from a snapshot.
void take_mm(Mm& mm, const MmSnapshot& seen);

}  // namespace anonvma
