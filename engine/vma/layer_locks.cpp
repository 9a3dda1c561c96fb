#include "engine/vma/layer_locks.h"

namespace anonvma {
namespace {

bool layer_locks(Layer& layer, const Adjustment& change) {
  const auto has_lock = [&](VmaId vma) { return vma && layer.strategy.locked_by_vma_layer(vma); };
  const VmaId partner = change.shrinks ? change.shrinks : change.grows;
  const bool shifts = partner || change.removed > 0;
  const bool own = has_lock(change.vma);
  switch (layer.rules.layer_lock) {
    case LayerLock::linking:
      // Linking or unlinking a vma takes the lock in mm/rmap.c of later kernels. The design of this
      // era counts that one acquisition.
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

}  // namespace

// Up to 6.0 vma_adjust() repeats its work, with the lock, when two vmas are removed.
void lock_layer(Layer& layer, const Adjustment& change) {
  if (!layer_locks(layer, change)) return;
  const bool twice = change.removed == 2 && !layer.rules.merge_locks_once;
  layer.slab.vma_layer_lock(twice ? 2 : 1);
}

void lock_stack(Layer& layer, VmaId stack) {
  if (layer.strategy.locked_by_vma_layer(stack)) layer.slab.vma_layer_lock();
}

}  // namespace anonvma
