// Snapshots: how an mm begins at exec, and how it is put right after a writer that nobody recorded.
// Those of attach and after a loss are in seed.cpp.
#include <algorithm>
#include <utility>

#include "engine/vma/address_spaces.h"

namespace anonvma {
namespace {

// Is `vma` the upper part of a stack that a fault made longer? Not every machine tells of faults.
bool grew_to(const Vma& vma, const SnapVma& wanted, unsigned page_shift) {
  return (vma.flags & wanted.vm_flags & kVmGrowsDown) && wanted.anon_vma &&
         vma.start < wanted.end && vma.file == wanted.file &&
         vma.pgoff - (vma.start >> page_shift) == wanted.pgoff - (wanted.start >> page_shift);
}

}  // namespace

bool AddressSpaces::collect(const Event& event) {
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) {
    collector_.finish([this](SeenMm&& seen) { take_snapshot(std::move(seen)); });
    const auto reason = static_cast<SnapReason>(snapshot->reason);
    if (!SeenMm::comes_in_sets(reason) ||
        (!attached_.empty() && attached_.front().reason() != reason))
      finish();
  }
  const bool taken =
      collector_.collect(event, [this](SeenMm&& seen) { take_snapshot(std::move(seen)); });
  if (taken) {
    ++parts_;
    slab_.holds(kPartBytes);
    slab_.worked(1);
  } else {
    finish();
  }
  return taken;
}

void AddressSpaces::finish() {
  collector_.finish([this](SeenMm&& seen) { take_snapshot(std::move(seen)); });
  if (!attached_.empty()) {
    if (attached_.front().reason() == SnapReason::attach)
      finish_attach();
    else
      finish_resync();
  }
  slab_.drops(std::exchange(parts_, 0) * kPartBytes);
}

void AddressSpaces::take_snapshot(SeenMm&& seen) {
  switch (seen.reason()) {
    case SnapReason::attach:
    case SnapReason::resync:
      attached_.push_back(std::move(seen));
      break;
    case SnapReason::exec:
      begin_op(OpKind::exec, false, seen.head.tid);
      take_exec(seen);
      end_op();
      break;
    case SnapReason::unknown_write:
      begin_op(OpKind::unseen, false, seen.head.tid);
      if (Mm* mm = known_mm(seen.head.mm)) resynchronise(*mm, seen);
      end_op();
      break;
    case SnapReason::end:
    case SnapReason::exit:
      break;  // for `verify`
  }
}

// A vma as a snapshot shows it, without objects of the strategy. None when the range is impossible
// or taken.
VmaId AddressSpaces::take_vma(Mm& mm, const SnapVma& vma) {
  if (vma.end <= vma.start || !valid_range(vma.start, vma.end - vma.start) ||
      !valid_pgoff(vma.pgoff))
    return {};
  const std::size_t i = mm.list.find(vma.start);
  if (i < mm.list.size() && at(mm.list[i]).start < vma.end) {
    ++anomalies_[Anomaly::bad_range];
    return {};
  }
  // Of a slice: the model had named that file itself, and names no other one so.
  if (vma.file & kUnnamedFile)
    unnamed_files_ = std::max(unnamed_files_, static_cast<FileId>(vma.file) & ~kUnnamedFile);
  const VmaId id = alloc_vma({.start = vma.start,
                              .end = vma.end,
                              .flags = vma.vm_flags & ~kVmSoftDirty,
                              .pgoff = vma.pgoff,
                              .mm = slot(mm),
                              .file = static_cast<FileId>(vma.file),
                              .ops = static_cast<std::uint32_t>(vma.ops),
                              .policy = static_cast<std::uint32_t>(vma.policy),
                              .context = static_cast<std::uint32_t>(vma.context)});
  insert_vma(mm, id);
  return id;
}

// The loader's own work is not simulated: its result is taken, and the vmas it wrote to are
// prepared in address order.
void AddressSpaces::take_exec(const SeenMm& seen) {
  Mm* mm = known_mm(seen.head.mm);
  if (mm == nullptr) return;
  acts_for(*mm);
  mm->comm = {seen.snapshot.comm_lo, seen.snapshot.comm_hi};
  mm->def_flags = seen.snapshot.def_flags;
  mm->start_brk = seen.snapshot.start_brk;
  std::vector<VmaId> faulted_vmas;
  for (const SeenVma& s : seen.vmas)
    if (const VmaId id = take_vma(*mm, s.vma); id && s.vma.anon_vma) faulted_vmas.push_back(id);
  for (const VmaId id : faulted_vmas) write_all(id);
}

// A range that the model has not got, or has of another file, is mapped anew.
void AddressSpaces::map_seen(Mm& mm, const SnapVma& wanted, std::uint64_t start,
                             std::uint64_t end) {
  Vma fresh{.start = start,
            .end = end,
            .flags = wanted.vm_flags & ~kVmSoftDirty,
            .pgoff = wanted.pgoff + pages(start - wanted.start),
            .mm = slot(mm),
            .file = static_cast<FileId>(wanted.file),
            .ops = static_cast<std::uint32_t>(wanted.ops),
            .policy = static_cast<std::uint32_t>(wanted.policy),
            .context = static_cast<std::uint32_t>(wanted.context)};
  const std::vector<VmaId> replaced = detach(mm, start, end);
  const std::size_t i = mm.list.find(start);
  // Only with vmas inside the snapshot's: what lies apart there was not merged.
  const VmaId prev_vma = i > 0 && wanted.start < start ? mm.list[i - 1] : VmaId{};
  const VmaId next_vma = i < mm.list.size() && end < wanted.end ? mm.list[i] : VmaId{};
  const Proposal range{.start = start,
                       .end = end,
                       .flags = fresh.flags,
                       .pgoff = fresh.pgoff,
                       .file = fresh.file,
                       .policy = fresh.policy,
                       .context = fresh.context,
                       .anon = {},
                       .middle = {},
                       .copied = {}};
  if (!merge_new(mm, prev_vma, next_vma, range, false)) {
    const VmaId id = alloc_vma(fresh);
    insert_vma(mm, id);
    if (wanted.anon_vma) write_all(id);
  }
  for (const VmaId vma : replaced) strategy_->release(vma);
}

// The same pages of the same file? That of anonymous memory depends on when it was moved.
bool AddressSpaces::shows_same(const Vma& vma, const SnapVma& wanted) const {
  return vma.file == wanted.file &&
         (vma.file == 0 || vma.pgoff - pages(vma.start) == wanted.pgoff - pages(wanted.start));
}

// Makes [wanted.start, wanted.end) as the snapshot shows it; true when anything differed.
// Boundaries are the strategy's own business: ranges get their flags, policy and context as by a
// call that sets them, and merge or split by the rules.
bool AddressSpaces::take_over(Mm& mm, const SnapVma& wanted) {
  const std::uint64_t ignored = rules_.ignored_by_merge() | kVmAccount;
  bool differs = false;
  const auto same_attributes = [&](const Vma& vma) {
    return vma.policy == wanted.policy && vma.context == wanted.context &&
           ((vma.flags ^ wanted.vm_flags) & ~ignored) == 0;
  };
  for (std::uint64_t cursor = wanted.start; cursor < wanted.end;) {
    slab_.worked(8);  // looked up, and mapped or modified
    const std::size_t i = mm.list.find(cursor);
    const bool mapped = i < mm.list.size() && at(mm.list[i]).start <= cursor;
    if (!mapped && i < mm.list.size() && grew_to(at(mm.list[i]), wanted, page_shift_) &&
        expand_stack(mm, cursor)) {
      differs = true;
      continue;
    }
    if (!mapped || !shows_same(at(mm.list[i]), wanted)) {
      std::uint64_t end = wanted.end;
      if (!mapped && i < mm.list.size()) end = std::min(end, at(mm.list[i]).start);
      if (mapped) end = std::min(end, at(mm.list[i]).end);
      map_seen(mm, wanted, cursor, end);
      differs = true;
      cursor = end;
      continue;
    }
    const VmaId id = mm.list[i];
    const std::uint64_t end = std::min(at(id).end, wanted.end);
    if (same_attributes(at(id))) {
      cursor = end;
      continue;
    }
    differs = true;
    Proposal range = part(id, cursor, end, wanted.vm_flags & ~kVmSoftDirty);
    range.policy = static_cast<std::uint32_t>(wanted.policy);
    range.context = static_cast<std::uint32_t>(wanted.context);
    if (at(id).start == wanted.start && at(id).end == wanted.end) {
      at(id).flags = range.flags;
      at(id).policy = range.policy;
      at(id).context = range.context;
    } else {
      modify(mm, id, range);
    }
    cursor = end;
  }
  return differs;
}

// Replays what an unseen writer did, as the difference between the model and what the kernel has.
void AddressSpaces::resynchronise(Mm& mm, const SeenMm& seen) {
  acts_for(mm);
  slab_.worked(seen.vmas.size());
  std::uint64_t differences = 0;
  std::uint64_t cursor = 0;
  const auto clear = [&](std::uint64_t start, std::uint64_t end) {
    if (start >= end) return;
    const std::size_t i = mm.list.find(start);
    if (i == mm.list.size() || at(mm.list[i]).start >= end) return;
    ++differences;
    munmap(mm, start, end);
  };
  for (const SeenVma& s : seen.vmas) {
    const SnapVma& wanted = s.vma;
    if (wanted.start < cursor || wanted.end <= wanted.start ||
        !valid_range(wanted.start, wanted.end - wanted.start) || !valid_pgoff(wanted.pgoff))
      continue;
    clear(cursor, wanted.start);
    differences += take_over(mm, wanted) ? 1 : 0;
    cursor = wanted.end;
  }
  clear(cursor, 1ull << 57);
  // A call that was refused half-way may have left no more than a split.
  if (setting_.role == Role::own)
    for (const SeenVma& s : seen.vmas)
      if (const VmaId id = find_vma(mm, s.vma.start);
          id && at(id).start < s.vma.start && shows_same(at(id), s.vma)) {
        split(mm, id, s.vma.start, rules_.munmap_frees_original);
        ++differences;
      }
  mm.def_flags = seen.snapshot.def_flags;
  mm.drifted = false;
  anomalies_[Anomaly::resynchronised] += differences;
}

}  // namespace anonvma
