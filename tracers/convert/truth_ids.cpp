#include "tracers/convert/truth_ids.h"

namespace anonvma {

void TruthIds::correct_cache(anonvma_truth_record& r) const {
  if (!comes_late_ || !r.freed || r.cache == ANONVMA_CACHE_VMA) return;
  const bool anon_vma = addresses_.knows_anon_vma(r.object);
  if (anon_vma != addresses_.knows_object(r.object))
    r.cache = anon_vma ? ANONVMA_CACHE_ANON_VMA : ANONVMA_CACHE_AVC;
}

bool TruthIds::knows(const anonvma_truth_record& r) const {
  return r.cache == ANONVMA_CACHE_ANON_VMA ? addresses_.knows_anon_vma(r.object)
                                           : addresses_.knows_object(r.object);
}

std::uint64_t TruthIds::id(const anonvma_truth_record& r) {
  return r.cache == ANONVMA_CACHE_ANON_VMA ? addresses_.anon_vma(r.object).v
                                           : addresses_.object(r.object);
}

void TruthIds::forget(const anonvma_truth_record& r) {
  if (r.cache == ANONVMA_CACHE_ANON_VMA)
    addresses_.forget_anon_vma(r.object);
  else
    addresses_.forget_object(r.object);
}

std::uint64_t TruthIds::take(const anonvma_truth_record& r) {
  if (r.freed) {
    if (const auto late = late_frees_.freed(r.object)) return *late;
    const std::uint64_t freed = id(r);
    forget(r);
    return freed;
  }
  if (knows(r)) {
    if (comes_late_) late_frees_.allocated_anew(r.object, id(r));
    forget(r);
  }
  return id(r);
}

}  // namespace anonvma
