// Snapshots of one mm: how it begins at exec, and how it is corrected behind a writer that nobody
// recorded. Those of attach and after a loss are in attach.h.
//
// Same: the ranges, attributes and faulted vmas that the snapshot shows.
// Simplified: the loader's own calls are not replayed. An unseen writer is replayed as the
// difference between the model and the snapshot, mapped, unmapped or changed by the ordinary rules.
#pragma once

#include "engine/trace/collected.h"
#include "engine/vma/layer.h"

namespace anonvma {

void take_exec(Layer& layer, const MmSnapshot& seen);
void resynchronise(Layer& layer, Mm& mm, const MmSnapshot& seen);
// A vma as a snapshot shows it, without objects of the strategy. None when the range is impossible
// or taken.
VmaId take_vma(Layer& layer, Mm& mm, const SnapVma& vma);
// Takes the fields of an mm beside its vmas from a snapshot.
void take_mm(Mm& mm, const MmSnapshot& seen);

}  // namespace anonvma
