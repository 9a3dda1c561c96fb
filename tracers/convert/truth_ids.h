// Ids of slab objects in the truth lane, by kernel address. An anon_vma has the same id in
// snapshots.
#pragma once

#include <cstdint>

#include "tracers/convert/address_map.h"
#include "tracers/convert/late_frees.h"
#include "tracers/records.h"

namespace anonvma {

class TruthIds {
 public:
  explicit TruthIds(AddressMap& addresses) : addresses_(addresses) {}
  // The hook comes after the free and does not tell the cache.
  void expect_late_frees() { comes_late_ = true; }

  // Corrects the cache of a freed object where the hook does not tell it. The record has a guess
  // from the memory of the object, which may have been reused by then. The known ids at the address
  // decide, as a page of the allocator holds one kind of object at a time.
  void correct_cache(anonvma_truth_record& record) const;
  bool knows(const anonvma_truth_record& record) const;

  // The id for the event of a record. An allocation at a known address is a new object: the record
  // of the free was lost, or comes late.
  std::uint64_t take(const anonvma_truth_record& record);

 private:
  ObjectIds& ids_of(const anonvma_truth_record& record) const;

  AddressMap& addresses_;
  bool comes_late_ = false;
  LateFrees late_frees_;
};

}  // namespace anonvma
