#include "tracers/convert/truth_ids.h"

namespace anonvma {

void TruthIds::correct_cache(anonvma_truth_record& r) const {
  if (!comes_late_ || !r.freed || r.cache == ANONVMA_CACHE_VMA) return;
  const bool anon_vma = addresses_.anon_vmas().knows(r.object);
  if (anon_vma != addresses_.other_objects().knows(r.object))
    r.cache = anon_vma ? ANONVMA_CACHE_ANON_VMA : ANONVMA_CACHE_AVC;
}

ObjectIds& TruthIds::ids_of(const anonvma_truth_record& r) const {
  return r.cache == ANONVMA_CACHE_ANON_VMA ? addresses_.anon_vmas() : addresses_.other_objects();
}

bool TruthIds::knows(const anonvma_truth_record& r) const { return ids_of(r).knows(r.object); }

std::uint64_t TruthIds::take(const anonvma_truth_record& r) {
  if (r.freed) {
    const auto late = late_frees_.freed(r.object);
    return late ? *late : ids_of(r).free(r.object);
  }
  const ObjectIds::Allocated allocated = ids_of(r).allocate(r.object);
  if (allocated.before && comes_late_) late_frees_.allocated_anew(r.object, *allocated.before);
  return allocated.id;
}

}  // namespace anonvma
