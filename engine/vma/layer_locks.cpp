// The acquisitions of anon_vma locks by the VMA layer itself, beside those of mm/rmap.c: around a
// change of a vma's range, as the reverse map finds pages by it. Read in vma_adjust(), vma_expand()
// and vma_prepare() of mm/mmap.c and mm/vma.c, not held against a kernel. They are counted after
// the chains were cloned and before ranges change, where the kernel takes them.
//
// Not counted: those of mremap for each step of moving page tables (pages have no place in a
// trace), and those of exec, which is replayed from its snapshot.
#include "engine/vma/address_spaces.h"

namespace anonvma {

bool AddressSpaces::layer_locks(const Adjustment& change) const {
  const auto has_lock = [&](VmaId vma) { return vma && strategy_->locked_by_vma_layer(vma); };
  const VmaId partner = change.shrinks ? change.shrinks : change.grows;
  const bool shifts = partner || change.removed > 0;
  const bool own = has_lock(change.vma);
  switch (rules_.layer_lock) {
    case LayerLock::linking:
      // Where a vma is linked or unlinked, mm/rmap.c of later kernels locks for that; the design of
      // this era counts the one acquisition there.
      if (change.inserts || change.removed > 0) return false;
      return (own && (shifts || change.start_moves)) || has_lock(partner);
    case LayerLock::none:
      return false;
    case LayerLock::inserting:
      return own && (change.inserts || shifts || change.start_moves);
    case LayerLock::shifting:
      return own && (shifts || change.start_moves);
    case LayerLock::always:
      return own || has_lock(partner);
  }
  return false;
}

// Up to 6.0 vma_adjust() goes round twice when two vmas are removed.
void AddressSpaces::lock_layer(const Adjustment& change) {
  if (!layer_locks(change)) return;
  const bool twice = change.removed == 2 && !rules_.merge_locks_once;
  slab_.vma_layer_lock(twice ? 2 : 1);
}

// expand_downwards(): in all eras, as its start moves, and after the prepare.
void AddressSpaces::lock_stack(VmaId stack) {
  if (strategy_->locked_by_vma_layer(stack)) slab_.vma_layer_lock();
}

}  // namespace anonvma
