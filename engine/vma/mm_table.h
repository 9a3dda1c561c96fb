// All mms of a replay: their ids, their families, and whether they lost records.
//
// An mm has a slot, which is reused after its exit. Mms that forked from each other since an exec
// are a family; all mms of the attach are family 0. A fork may reuse an anon_vma of any relative,
// so an mm that lost records makes its whole family uncertain ("tainted").
//
// Simplified: the kernel knows no families; they stand for the trees of anon_vmas that mms may share.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/ids.h"
#include "engine/slab/slab_account.h"
#include "engine/vma/anomalies.h"
#include "engine/vma/mm.h"
#include "engine/vma/mm_families.h"

namespace anonvma {

class MmTable {
 public:
  MmTable(SlabAccount& slab, Anomalies& anomalies) : slab_(slab), anomalies_(anomalies) {}

  Mm* find(MmId id) {
    if (!id) return nullptr;
    if (id == last_mm_) return &mms_[last_slot_];
    return find_in_map(id);
  }
  const Mm* find(MmId id) const;
  Mm& operator[](std::uint32_t slot) { return mms_[slot]; }
  const Mm& operator[](std::uint32_t slot) const { return mms_[slot]; }
  std::uint32_t slot(const Mm& mm) const { return static_cast<std::uint32_t>(&mm - mms_.data()); }
  std::vector<MmId> ids() const;  // alive, ascending
  std::uint64_t seen() const { return seen_; }
  std::uint64_t alive() const { return slot_of_.size(); }

  // A slot for an mm without an id. References to other mms become invalid.
  std::uint32_t take_slot();
  void give_back(std::uint32_t slot);
  // False, and an anomaly, if the id is none, or that of a live mm.
  bool may_be_born(MmId id);
  // From now on the mm in `slot` has this id.
  void name(std::uint32_t slot, MmId id);
  void forget(MmId id);
  // The mm that was forgotten last is about to get its name again, and does not count as new.
  void expect_again() { --seen_; }

  std::uint32_t new_family() { return families_.make(); }
  // `mm` leaves its family for this one.
  void join_family(Mm& mm, std::uint32_t family);
  void unite_families(Mm& a, Mm& b);
  // A family that is held keeps its number without members.
  void hold_family(std::uint32_t family) { families_.join(family); }
  void drop_family(std::uint32_t family) { families_.leave(family); }
  // Between the exit of the last task of `mm` and its exit_mmap().
  void begin_exit(Mm& mm);
  void end_exit(const Mm& mm);
  bool family_is_exiting(const Mm& mm) const { return families_.is_exiting(mm.family); }

  // Records of `id` were lost; none: of an unknown mm, so that all are tainted.
  void taint(MmId id);
  void taint(Mm& mm);
  std::uint64_t tainted() const;  // now

  template <class Visit>
  void for_each_slot(Visit visit) {  // also slots of forks in flight and free slots
    for (Mm& mm : mms_) visit(mm);
  }

 private:
  Mm* find_in_map(MmId id);

  SlabAccount& slab_;
  Anomalies& anomalies_;
  std::vector<Mm> mms_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::uint32_t, std::uint32_t> slot_of_;  // ids come from a file: not dense
  MmId last_mm_;
  std::uint32_t last_slot_ = 0;
  std::uint64_t seen_ = 0;
  MmFamilies families_;
};

}  // namespace anonvma
