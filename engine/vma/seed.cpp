// Address spaces taken over with their objects: at attach, and again after records were lost.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "engine/vma/address_spaces.h"
#include "engine/vma/seeder.h"

namespace anonvma {

// An empty mm gets the vmas that a snapshot shows; their objects come with seed().
void AddressSpaces::take_vmas(Mm& mm, const SeenMm& seen) {
  acts_for(mm);
  mm.comm = {seen.snapshot.comm_lo, seen.snapshot.comm_hi};
  mm.def_flags = seen.snapshot.def_flags;
  mm.start_brk = seen.snapshot.start_brk;
  for (const SeenVma& s : seen.vmas)
    if (const VmaId id = take_vma(mm, s.vma)) seeder_->add(id, s.vma.anon_vma, s.chain);
}

// Gives all vmas that were taken their objects. Ancestors whose processes are gone live again for
// a moment, in an mm without an id.
void AddressSpaces::seed(const std::vector<SeenMm>& all) {
  std::uint64_t phantom_page = 0;
  const auto phantom = [&] {
    const std::uint64_t start = (phantom_page += 2) << page_shift_;  // never adjacent
    acts_for(mms_[phantom_slot()]);
    const VmaId id = alloc_vma({.start = start,
                                .end = start + page_mask_ + 1,
                                .flags = kVmRead | kVmWrite | kVmMayAccess | kVmAccount,
                                .pgoff = pages(start),
                                .mm = phantom_slot(),
                                .ops = kOpsAnonymous});
    insert_vma(mms_[phantom_slot()], id);
    return id;
  };
  const std::vector<VmaId> phantoms = seeder_->build(phantom, [&](VmaId id) {
    slab_.acts_for(at(id).mm);
    return !slab_.over_budget();
  });
  if (phantom_slot_) slab_.acts_for(*phantom_slot_);
  for (const VmaId id : phantoms) remove_vma(mms_[phantom_slot()], id, {});
  if (phantom_slot_) retire(*std::exchange(phantom_slot_, std::nullopt));
  strategy_->settle();
  if (watcher_ != nullptr) {
    for (const SeenMm& seen : all)
      for (const VmaId id : vmas(seen.head.mm)) written(id, at(id).start, at(id).end);
    watcher_->settled();
  }
  if (!seeder_->exact()) anomalies_[Anomaly::seed_approximate] += seeder_->vmas();
}

std::uint32_t AddressSpaces::phantom_slot() {
  if (!phantom_slot_) {
    phantom_slot_ = take_slot();
    strategy_->mm_init(MmSlot{*phantom_slot_});
  }
  return *phantom_slot_;
}

void AddressSpaces::finish_attach() {
  const std::vector<SeenMm> attached = std::move(attached_);
  attached_.clear();
  const bool first = !seeder_;
  begin_op(OpKind::start, true, 0);
  if (first) seeder_ = std::make_unique<Seeder>(*strategy_);
  seeder_->set_counts(setting_.counts_anew);
  seeder_->begin();
  std::array<std::uint64_t, kAllCaches> before{};
  for (std::size_t c = 0; c < kAllCaches; ++c)
    before[c] = slab_.usage(static_cast<CacheIndex>(c)).active_objs;
  for (const SeenMm& seen : attached)
    if (Mm* mm = birth(seen.head.mm)) take_vmas(*mm, seen);
  seed(attached);
  // A later set holds what the recorder came to know late: alive before, but not from the first.
  if (first) slab_.begin_here();
  for (std::size_t c = 0; c < kAllCaches; ++c)
    at_start_[c] += slab_.usage(static_cast<CacheIndex>(c)).active_objs - before[c];
  slab_.end_op();
}

// What the model had of these mms goes, and what the kernel has takes its place: boundaries,
// attributes and objects. They are whole families, so that no object of theirs is anybody else's.
void AddressSpaces::finish_resync() {
  const std::vector<SeenMm> seen_again = std::move(attached_);
  attached_.clear();
  begin_op(OpKind::start, true, 0);
  if (!seeder_) seeder_ = std::make_unique<Seeder>(*strategy_);
  seeder_->set_counts(setting_.counts_anew || setting_.sees_families);
  seeder_->begin(true);
  std::unordered_map<MmId, std::uint32_t> families;  // of those known
  for (const SeenMm& seen : seen_again) {
    Mm* mm = find_mm(seen.head.mm);
    if (mm == nullptr) continue;
    families.emplace(seen.head.mm, mm->family);
    acts_for(*mm);
    exit_mmap(*mm);
    --mms_seen_;  // birth() counts it again
  }
  strategy_->settle();
  for (const SeenMm& seen : seen_again) {
    Mm* mm = birth(seen.head.mm);
    if (mm == nullptr) continue;
    const auto known = families.find(seen.head.mm);
    mm->family = known != families.end() ? known->second : family_by(seen.snapshot.by);
    take_vmas(*mm, seen);
  }
  unite_families(seen_again);
  seed(seen_again);
  slab_.end_op();
}

// Where the birth of an mm was lost its snapshot may come before any of a relative's: who has an
// anon_vma of the same root is of the same family.
void AddressSpaces::unite_families(const std::vector<SeenMm>& all) {
  std::unordered_map<std::uint32_t, MmId> first;  // by root
  for (const SeenMm& seen : all) {
    const Mm* mm = find_mm(seen.head.mm);
    if (mm == nullptr) continue;
    for (const SeenVma& vma : seen.vmas)
      for (const SnapChain& link : vma.chain) {
        const Mm* relative = find_mm(first.try_emplace(link.root.v, seen.head.mm).first->second);
        if (relative == nullptr || relative->family == mm->family) continue;
        const std::uint32_t kept = std::min(relative->family, mm->family);
        const std::uint32_t gone = std::max(relative->family, mm->family);
        slab_.worked(slot_of_.size());
        for (const auto& [id, slot] : slot_of_)
          if (mms_[slot].family == gone) mms_[slot].family = kept;
        endings_[kept] += std::exchange(endings_[gone], 0);
      }
  }
}

// Of an mm whose birth was lost.
std::uint32_t AddressSpaces::family_by(MmId relative) {
  if (const Mm* mm = find_mm(relative)) return mm->family;
  endings_.push_back(0);
  return static_cast<std::uint32_t>(endings_.size() - 1);
}

// Records of `id` were lost. What its relatives share with it is as unsure as itself; none: nobody
// knows whose they were.
void AddressSpaces::taint(MmId id) {
  const Mm* lost = find_mm(id);
  if ((id && lost == nullptr) || (lost != nullptr && lost->tainted)) return;
  const std::uint32_t family = lost != nullptr ? lost->family : 0;
  for (const auto& [other, slot] : slot_of_)
    if (Mm& mm = mms_[slot]; !mm.tainted && (!id || mm.family == family)) set_tainted(mm);
}

void AddressSpaces::set_tainted(Mm& mm) {
  mm.tainted = true;
  if (tainted_ever_.insert(mm.id.v).second) ++anomalies_[Anomaly::tainted_mms];
}

bool AddressSpaces::tainted(MmId mm) const {
  const auto found = slot_of_.find(mm.v);
  return found != slot_of_.end() && mms_[found->second].tainted;
}

std::uint64_t AddressSpaces::tainted_now() const {
  return static_cast<std::uint64_t>(
      std::count_if(slot_of_.begin(), slot_of_.end(),
                    [&](const auto& entry) { return mms_[entry.second].tainted; }));
}

}  // namespace anonvma
