#include "engine/vma/mm_table.h"

#include <algorithm>
#include <utility>

namespace anonvma {
namespace {
constexpr std::uint64_t kMmBytes = 640;  // for the budget: an mm with its first few vmas
}  // namespace

Mm* MmTable::find_in_map(MmId id) {
  const auto found = slot_of_.find(id.v);
  if (found == slot_of_.end()) return nullptr;
  last_mm_ = id;
  last_slot_ = found->second;
  return &mms_[last_slot_];
}

const Mm* MmTable::find(MmId id) const {
  const auto found = slot_of_.find(id.v);
  return found == slot_of_.end() ? nullptr : &mms_[found->second];
}

std::vector<MmId> MmTable::ids() const {
  std::vector<MmId> all;
  for (const auto& [id, slot] : slot_of_) all.emplace_back(id);
  std::sort(all.begin(), all.end());
  return all;
}

std::uint32_t MmTable::take_slot() {
  slab_.worked(1);
  if (free_.empty()) {
    slab_.holds(kMmBytes);
    mms_.emplace_back();
    families_.join(MmFamilies::kOfAttach);
    return static_cast<std::uint32_t>(mms_.size() - 1);
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  VmaList memory = std::move(mms_[slot].list);
  mms_[slot] = Mm{};
  mms_[slot].list = std::move(memory);
  families_.join(MmFamilies::kOfAttach);
  return slot;
}

void MmTable::give_back(std::uint32_t slot) {
  families_.leave(mms_[slot].family);
  free_.push_back(slot);
}

bool MmTable::may_be_born(MmId id) {
  if (id && !slot_of_.contains(id.v)) return true;
  ++anomalies_[Anomaly::born_twice];
  return false;
}

void MmTable::name(std::uint32_t slot, MmId id) {
  slot_of_.emplace(id.v, slot);
  mms_[slot].id = id;
  ++seen_;
}

void MmTable::forget(MmId id) {
  slot_of_.erase(id.v);
  last_mm_ = {};
}

void MmTable::join_family(Mm& mm, std::uint32_t family) {
  families_.join(family);
  families_.leave(mm.family);
  mm.family = family;
}

void MmTable::unite_families(Mm& a, Mm& b) {
  if (a.family == b.family) return;
  const std::uint32_t kept = std::min(a.family, b.family);
  const std::uint32_t gone = std::max(a.family, b.family);
  slab_.worked(slot_of_.size());
  families_.move_exits(gone, kept);
  for (const auto& [id, slot] : slot_of_)
    if (mms_[slot].family == gone) join_family(mms_[slot], kept);
}

void MmTable::begin_exit(Mm& mm) {
  if (mm.ending) return;
  mm.ending = true;
  families_.begin_exit(mm.family);
}

void MmTable::end_exit(const Mm& mm) {
  if (mm.ending) families_.end_exit(mm.family);
}

void MmTable::taint(MmId id) {
  const Mm* lost = find(id);
  if ((id && lost == nullptr) || (lost != nullptr && lost->tainted)) return;
  const std::uint32_t family = lost != nullptr ? lost->family : 0;
  for (const auto& [other, slot] : slot_of_)
    if (Mm& mm = mms_[slot]; !mm.tainted && (!id || mm.family == family)) taint(mm);
}

void MmTable::taint(Mm& mm) {
  mm.tainted = true;
  if (!std::exchange(mm.tainted_before, true)) ++anomalies_[Anomaly::tainted_mms];
}

std::uint64_t MmTable::tainted() const {
  return static_cast<std::uint64_t>(
      std::count_if(slot_of_.begin(), slot_of_.end(),
                    [&](const auto& entry) { return mms_[entry.second].tainted; }));
}

}  // namespace anonvma
