// Snapshots: how an mm begins at exec and at attach, and how it is put right after a writer that
// nobody recorded.
#include <algorithm>

#include "engine/vma/address_spaces.h"
#include "engine/vma/seeder.h"

namespace anonvma {

// Collects a Snapshot and the events that belong to it. The file decides nothing about memory:
// what is announced but does not come simply ends the snapshot early.
bool AddressSpaces::collect(const Event& event) {
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) {
    if (snapshot_) finish_snapshot();
    if (snapshot->reason != static_cast<std::uint64_t>(SnapReason::attach) && !attached_.empty())
      finish_attach();
    snapshot_ = SeenMm{event.head, *snapshot, {}};
  } else if (const auto* vma = std::get_if<SnapVma>(&event.body); vma != nullptr && snapshot_) {
    snapshot_->vmas.push_back({*vma, {}});
  } else if (const auto* chain = std::get_if<SnapChain>(&event.body);
             chain != nullptr && snapshot_ && !snapshot_->vmas.empty()) {
    snapshot_->vmas.back().chain.push_back(*chain);
  } else {
    finish();
    return false;
  }
  const std::vector<SeenVma>& vmas = snapshot_->vmas;
  const bool complete = vmas.size() >= snapshot_->snapshot.nr_vmas &&
                        (vmas.empty() || vmas.back().chain.size() >= vmas.back().vma.nr_chain);
  if (complete) finish_snapshot();
  return true;
}

void AddressSpaces::finish() {
  if (snapshot_) finish_snapshot();
  if (!attached_.empty()) finish_attach();
}

void AddressSpaces::finish_snapshot() {
  SeenMm seen = std::move(*snapshot_);
  snapshot_.reset();
  switch (static_cast<SnapReason>(seen.snapshot.reason)) {
    case SnapReason::attach:
      attached_.push_back(std::move(seen));
      break;
    case SnapReason::exec:
      take_exec(seen);
      break;
    case SnapReason::unknown_write:
      if (Mm* mm = known_mm(seen.head.mm)) resynchronise(*mm, seen);
      break;
    case SnapReason::end:
      break;  // for `verify`
  }
}

// A vma as a snapshot shows it, without objects of the strategy. None when the range is impossible
// or taken.
VmaId AddressSpaces::take_vma(Mm& mm, const SnapVma& vma) {
  if (vma.end <= vma.start || !valid_range(vma.start, vma.end - vma.start)) return {};
  const std::size_t i = mm.list.find(vma.start);
  if (i < mm.list.size() && at(mm.list[i]).start < vma.end) {
    ++anomalies_[Anomaly::bad_range];
    return {};
  }
  const VmaId id = alloc_vma({.start = vma.start,
                              .end = vma.end,
                              .flags = vma.vm_flags & ~kVmSoftDirty,
                              .pgoff = vma.pgoff,
                              .mm = slot(mm),
                              .file = static_cast<FileId>(vma.file),
                              .ops = static_cast<std::uint32_t>(vma.ops)});
  insert_vma(mm, id);
  return id;
}

// The loader's own work is not simulated: its result is taken, and the vmas it wrote to are
// prepared in address order.
void AddressSpaces::take_exec(const SeenMm& seen) {
  Mm* mm = known_mm(seen.head.mm);
  if (mm == nullptr) return;
  mm->comm = {seen.snapshot.comm_lo, seen.snapshot.comm_hi};
  mm->def_flags = seen.snapshot.def_flags;
  std::vector<VmaId> faulted_vmas;
  for (const SeenVma& s : seen.vmas)
    if (const VmaId id = take_vma(*mm, s.vma); id && s.vma.anon_vma) faulted_vmas.push_back(id);
  for (const VmaId id : faulted_vmas) prepare(id);
}

void AddressSpaces::finish_attach() {
  const std::vector<SeenMm> attached = std::move(attached_);
  attached_.clear();
  const bool first = !seeder_;
  if (first) seeder_ = std::make_unique<Seeder>(*strategy_);
  Seeder& seeder = *seeder_;
  seeder.begin();
  std::array<std::uint64_t, kNumCaches> before{};
  for (std::size_t c = 0; c < kNumCaches; ++c)
    before[c] = slab_.usage(static_cast<CacheIndex>(c)).active_objs;
  for (const SeenMm& seen : attached) {
    Mm* mm = birth(seen.head.mm);
    if (mm == nullptr) continue;
    mm->comm = {seen.snapshot.comm_lo, seen.snapshot.comm_hi};
    mm->def_flags = seen.snapshot.def_flags;
    for (const SeenVma& s : seen.vmas)
      if (const VmaId id = take_vma(*mm, s.vma)) seeder.add(id, s.vma.anon_vma, s.chain);
  }
  // Ancestors whose processes are gone live again for a moment, in an mm without an id.
  std::uint64_t phantom_page = 0;
  const auto phantom = [&] {
    const std::uint64_t start = (phantom_page += 2) << page_shift_;  // never adjacent
    const VmaId id = alloc_vma({.start = start,
                                .end = start + page_mask_ + 1,
                                .flags = kVmRead | kVmWrite | kVmMayAccess | kVmAccount,
                                .pgoff = pages(start),
                                .mm = phantom_slot(),
                                .ops = kOpsAnonymous});
    insert_vma(mms_[phantom_slot()], id);
    return id;
  };
  const std::vector<VmaId> phantoms = seeder.build(phantom);
  for (const VmaId id : phantoms) remove_vma(mms_[phantom_slot()], id, {});
  if (!seeder.exact()) anomalies_[Anomaly::seed_approximate] += seeder.vmas();
  // A later set holds what the recorder came to know late: alive before, but not from the first.
  if (first) slab_.begin_here();
  for (std::size_t c = 0; c < kNumCaches; ++c)
    at_start_[c] += slab_.usage(static_cast<CacheIndex>(c)).active_objs - before[c];
}

std::uint32_t AddressSpaces::phantom_slot() {
  if (!phantom_slot_) {
    phantom_slot_ = static_cast<std::uint32_t>(mms_.size());
    mms_.emplace_back();
  }
  return *phantom_slot_;
}

// Takes over what differs. Boundaries are the strategy's own business: only what is mapped, with
// which flags and of which file, is held against the snapshot, page range by page range.
void AddressSpaces::resynchronise(Mm& mm, const SeenMm& seen) {
  const std::uint64_t ignored = rules_.ignored_by_merge() | kVmAccount;
  std::uint64_t differences = 0;
  std::uint64_t cursor = 0;
  const auto clear = [&](std::uint64_t start, std::uint64_t end) {
    const std::size_t i = mm.list.find(start);
    if (i == mm.list.size() || at(mm.list[i]).start >= end) return;
    ++differences;
    munmap(mm, start, end);
  };
  for (const SeenVma& s : seen.vmas) {
    const SnapVma& wanted = s.vma;
    if (wanted.start < cursor || wanted.end <= wanted.start ||
        !valid_range(wanted.start, wanted.end - wanted.start))
      continue;
    clear(cursor, wanted.start);
    std::uint64_t agreed = wanted.start;
    for (std::size_t i = mm.list.find(wanted.start); i < mm.list.size() && agreed < wanted.end;
         ++i) {
      const Vma& vma = at(mm.list[i]);
      if (vma.start > agreed || ((vma.flags ^ wanted.vm_flags) & ~ignored) != 0 ||
          vma.file != wanted.file)
        break;
      agreed = vma.end;
    }
    if (agreed < wanted.end) {
      ++differences;
      munmap(mm, wanted.start, wanted.end);
      const VmaId id = take_vma(mm, wanted);
      if (id && wanted.anon_vma) prepare(id);
    }
    cursor = wanted.end;
  }
  clear(cursor, 1ull << 57);
  mm.def_flags = seen.snapshot.def_flags;
  anomalies_[Anomaly::resynchronised] += differences;
}

}  // namespace anonvma
