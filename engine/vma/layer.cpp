#include "engine/vma/layer.h"

namespace anonvma {

bool Layer::valid_range(std::uint64_t start, std::uint64_t len, std::int64_t ret) {
  const bool valid =
      (start & page.mask()) == 0 && start < kTaskSizeMax && len < kTaskSizeMax - start;
  if (!valid && ret >= 0) ++anomalies[Anomaly::bad_range];
  return valid;
}

bool Layer::valid_pgoff(std::uint64_t pgoff) {
  constexpr std::uint64_t kMostPgoff = 1ull << 60;  // at most 2^61 with any length on top
  if (pgoff > kMostPgoff) ++anomalies[Anomaly::bad_range];
  return pgoff <= kMostPgoff;
}

void Layer::impossible(const Mm& mm) {
  if (!mm.tainted) ++anomalies[Anomaly::bad_range];
}

std::uint32_t mm_init(Layer& layer) {
  const std::uint32_t slot = layer.mms.take_slot();
  layer.strategy.mm_init(MmSlot{slot});
  return slot;
}

Mm* mm_alloc(Layer& layer, MmId id) {
  if (!layer.mms.may_be_born(id)) return nullptr;
  const std::uint32_t slot = mm_init(layer);
  layer.mms.name(slot, id);
  return &layer.mms[slot];
}

void mmdrop(Layer& layer, std::uint32_t slot) {
  layer.strategy.mm_exit(MmSlot{slot});
  layer.slab.holder_gone(slot);
  layer.mms.give_back(slot);
}

}  // namespace anonvma
