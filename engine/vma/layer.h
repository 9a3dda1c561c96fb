// The parts that every operation of the VMA layer works on. Operations are functions with the
// kernel's names; each family has a small header (map.h, unmap.h, protect.h, ...). Each part below
// guards its own state.
//
//   events ─► AddressSpaces ─► operation(layer, mm, event) ─┬─► MmTable, VmaTable   mms and vmas
//                                                           ├─► Strategy (Rmap)     chains
//                                                           ├─► SlabAccount         objects, budget
//                                                           └─► Watcher             pages (`reach`)
#pragma once

#include <cstdint>

#include "engine/slab/slab_account.h"
#include "engine/strategy/strategy.h"
#include "engine/vma/anomalies.h"
#include "engine/vma/kernel_rules.h"
#include "engine/vma/mm_table.h"
#include "engine/vma/page_size.h"
#include "engine/vma/rmap.h"
#include "engine/vma/setting.h"
#include "engine/vma/vma_table.h"
#include "engine/vma/watcher.h"

namespace anonvma {

struct Layer {
  const KernelRules& rules;
  const Setting& setting;
  const PageSize page;
  SlabAccount& slab;
  Anomalies& anomalies;
  MmTable& mms;
  VmaTable& vmas;
  Strategy& strategy;
  Rmap& rmap;
  Watcher* watcher = nullptr;  // none by default

  Vma& at(VmaId id) { return vmas[id]; }
  std::uint64_t pages(std::uint64_t bytes) const { return page.pages(bytes); }
  std::uint64_t page_align(std::uint64_t n) const { return page.align(n); }
  bool faulted(VmaId vma) const { return rmap.faulted(vma); }
  // From now on the objects of an operation are charged to this mm.
  void acts_for(const Mm& mm) { slab.acts_for(mms.slot(mm)); }

  // False for a range that no process can have. A program may request any range, and is refused:
  // only a call that succeeded (`ret` >= 0) proves that the trace is damaged.
  bool valid_range(std::uint64_t start, std::uint64_t len, std::int64_t ret = 0);
  // The kernel refuses offsets that wrap (-EOVERFLOW), so nothing else needs to check for them.
  bool valid_pgoff(std::uint64_t pgoff);
  // Counts an operation that only a damaged trace can have, unless the mm has lost records.
  void impossible(const Mm& mm);
  // Populating happens without the write lock of the call. If other tasks may come in between,
  // Touch events show which vmas were prepared, for the recording kernel's own strategy.
  bool populates_by_touch(const Mm& mm) const { return setting.own() && mm.shared; }
};

// mm_alloc(): nullptr, and an anomaly, if `id` is alive already.
Mm* mm_alloc(Layer& layer, MmId id);
// A slot for an mm that has no id yet. References to other mms become invalid.
std::uint32_t mm_init(Layer& layer);
// Frees a slot of mm_init(). The mm has no vmas any more.
void mmdrop(Layer& layer, std::uint32_t slot);

}  // namespace anonvma
