// mremap: mm/mremap.c with copy_vma() of mm/vma.c.
#include <algorithm>

#include "engine/vma/address_spaces.h"

namespace anonvma {
// Up to 6.16 the target of MREMAP_FIXED was unmapped, and a shrinking source cut, before the source
// was measured; before 5.18 even when there is no source at all. In all kernels both are done when
// a signal ends the call, which it can while KSM gives up the pages to be moved.
void AddressSpaces::remap_failed(Mm& mm, const Remap& event) {
  const std::uint64_t old_len = page_align(event.old_len);
  const std::uint64_t new_len = page_align(event.new_len);
  const bool fixed = (event.flags & kMremapFixed) != 0;
  if (fixed && !valid_range(event.new_addr, new_len, event.ret)) return;
  if (fixed && rules_.remap_many && old_len == new_len) return remap_many(mm, event, old_len);
  if (event.ret == kErrPerm) return remap_refused(mm, event);
  // Duplicating a mapping (old_len 0) onto itself: its own target is gone when it is looked up
  // again.
  const bool onto_itself = fixed && old_len == 0 && event.new_addr <= event.addr &&
                           event.addr < event.new_addr + new_len;
  if (onto_itself && event.ret == kErrFault && rules_.remap_checks_first &&
      find_vma(mm, event.addr))
    return munmap(mm, event.new_addr, event.new_addr + new_len);
  if (!fixed) return;
  if (event.ret != kErrRestartSys) {
    if (rules_.remap_checks_first || !refused_by_source(mm, event)) return;
  }
  munmap(mm, event.new_addr, event.new_addr + new_len);
  if (old_len > new_len) munmap(mm, event.addr + new_len, event.addr + old_len);
}

// Did vma_to_resize() refuse the source, and nothing before it the call? That is asked of a call
// that failed under rules which look at the source last.
bool AddressSpaces::refused_by_source(Mm& mm, const Remap& event) {
  const VmaId source = find_vma(mm, event.addr);
  if (event.ret == kErrFault) return source || !rules_.remap_finds_first;
  if (!source) return false;
  if (event.ret == kErrAgain) return true;  // a locked one may not grow so much
  const Vma& vma = at(source);
  if (event.ret != kErrInval || (vma.flags & kVmHugeTlb)) return false;
  const std::uint64_t old_len = page_align(event.old_len);
  const std::uint64_t new_len = page_align(event.new_len);
  const bool keeps_source = (event.flags & kMremapDontUnmap) != 0;
  const bool overlap =
      event.addr + old_len > event.new_addr && event.new_addr + new_len > event.addr;
  if (((event.addr | event.new_addr) & page_mask_) != 0 || new_len == 0 || overlap ||
      (event.flags & ~kMremapKnown) != 0 || (event.flags & kMremapMayMove) == 0 ||
      (keeps_source && event.old_len != event.new_len))
    return false;
  if (keeps_source) return (vma.flags & (kVmDontExpand | kVmPfnMap)) != 0;
  return old_len == 0 && (vma.flags & (kVmShared | kVmMayShare)) == 0;
}

// A sealed vma at the target, or in what a shrinking source loses.
void AddressSpaces::remap_refused(Mm& mm, const Remap& event) {
  const std::uint64_t old_end = event.addr + page_align(event.old_len);
  const std::uint64_t new_len = page_align(event.new_len);
  const VmaId source = find_vma(mm, event.addr);
  if (!source || (at(source).flags & rules_.sealed)) return;
  if (event.flags & kMremapFixed) {
    if (holds_sealed(mm, event.new_addr, event.new_addr + new_len))
      return munmap_refused(mm, event.new_addr, event.new_addr + new_len, event.ret);
    munmap(mm, event.new_addr, event.new_addr + new_len);
  }
  munmap_refused(mm, event.addr + new_len, old_end, event.ret);
}

void AddressSpaces::remap(Mm& mm, const Remap& event) {
  std::uint64_t old_len = page_align(event.old_len);
  const std::uint64_t new_len = page_align(event.new_len);
  if (new_len == 0 || !valid_range(event.addr, old_len, event.ret) ||
      !valid_range(event.addr, new_len, event.ret))
    return;
  if (event.ret < 0) {
    remap_failed(mm, event);
    return;
  }
  const auto target = static_cast<std::uint64_t>(event.ret);
  if (!valid_range(target, new_len)) return;
  const bool fixed = (event.flags & kMremapFixed) != 0;
  const bool keep_source = (event.flags & kMremapDontUnmap) != 0;
  const std::uint64_t old_end = event.addr + old_len;

  if (target == event.addr && !fixed && !keep_source) {
    if (new_len < old_len) munmap(mm, event.addr + new_len, old_end);
    const VmaId vma = find_vma(mm, event.addr);
    if (new_len > old_len && vma && at(vma).end == old_end)
      remap_grow(mm, vma, old_end, event.addr + new_len);
    return;
  }
  if (fixed && old_len == new_len && rules_.remap_many) {
    remap_many(mm, event, old_len);
    return;
  }
  if (fixed) munmap(mm, target, target + new_len);
  if (old_len > new_len) {
    munmap(mm, event.addr + new_len, old_end);
    old_len = new_len;
  }
  move_vma(mm, event.addr, old_len, target, new_len, keep_source);
}

// Each vma of the range moves by itself; gaps stay gaps, and what lies under them at the target
// stays mapped. A call that fails has moved those before the vma that stopped it; should the model
// see none that could, it has moved nothing.
void AddressSpaces::remap_many(Mm& mm, const Remap& event, std::uint64_t length) {
  const std::uint64_t end = event.addr + length;
  const std::uint64_t target =
      event.ret < 0 ? event.new_addr : static_cast<std::uint64_t>(event.ret);
  if (!valid_range(target, length, event.ret)) return;
  const std::uint64_t stop = event.ret < 0 ? remap_stops_at(mm, event, target) : end;
  for (std::uint64_t cursor = event.addr; cursor < end;) {
    slab_.worked(1);
    const std::size_t i = mm.list.find(cursor);
    if (i == mm.list.size() || at(mm.list[i]).start >= end) break;
    const std::uint64_t start = std::max(at(mm.list[i]).start, cursor);
    const std::uint64_t piece = std::min(at(mm.list[i]).end, end) - start;
    const std::uint64_t new_start = target + (start - event.addr);
    if (start >= stop) {
      if (event.ret == kErrRestartSys)
        munmap(mm, new_start, new_start + piece);
      else if (!(at(mm.list[i]).flags & rules_.sealed))
        munmap_refused(mm, new_start, new_start + piece, event.ret);
      break;
    }
    munmap(mm, new_start, new_start + piece);
    move_vma(mm, start, piece, new_start, piece, (event.flags & kMremapDontUnmap) != 0);
    cursor = start + piece;
  }
}

// Where a call that failed stopped: at a vma that must not move, or that would move over a sealed
// one. event.addr when neither is met.
std::uint64_t AddressSpaces::remap_stops_at(Mm& mm, const Remap& event, std::uint64_t target) {
  if (event.stopped != 0 && !(event.flags & kMremapDontUnmap)) return event.stopped;
  const std::uint64_t end = event.addr + page_align(event.old_len);
  if (!find_vma(mm, event.addr)) return event.addr;  // no gap is allowed at the start
  for (std::size_t i = mm.list.find(event.addr); i < mm.list.size(); ++i) {
    slab_.worked(1);
    const Vma& vma = at(mm.list[i]);
    if (vma.start >= end) break;
    const std::uint64_t start = std::max(vma.start, event.addr);
    const std::uint64_t new_start = target + (start - event.addr);
    const std::uint64_t new_end = target + (std::min(vma.end, end) - event.addr);
    const bool alone = start == event.addr && vma.end >= end;
    // A file that places its mappings itself moves alone only: System V shared memory does.
    const bool moves_alone = (vma.flags & kVmUffdMask) || (vma.ops & kOpsPlaces) ||
                             (vma.has_close() && !(vma.flags & kVmHugeTlb));
    bool stops = event.ret == kErrFault && moves_alone && !alone;
    if (event.ret == kErrPerm)
      stops = (vma.flags & rules_.sealed) || holds_sealed(mm, new_start, new_end);
    if (event.ret == kErrInval)
      stops = (event.flags & kMremapDontUnmap) && (vma.flags & (kVmDontExpand | kVmPfnMap));
    if (stops) return start;
  }
  return event.addr;
}

void AddressSpaces::remap_grow(Mm& mm, VmaId vma, std::uint64_t old_end, std::uint64_t new_end) {
  const VmaId next_vma = next(vma);
  if (next_vma && at(next_vma).start < new_end) {
    return impossible(mm);
  }
  const std::uint64_t flags = at(vma).flags;
  const Proposal range{.start = old_end,
                       .end = new_end,
                       .flags = flags,
                       .pgoff = at(vma).pgoff + pages(old_end - at(vma).start),
                       .file = at(vma).file,
                       .policy = at(vma).policy,
                       .context = at(vma).context,
                       .displaced = at(vma).displaced,
                       .anon = vma,
                       .middle = {},
                       .copied = {}};
  if (!rules_.remap_grow_merges || !merge_new(mm, vma, next_vma, range, false)) {
    lock_layer({.vma = vma});
    set_end(mm, vma, new_end);
  }
  if ((flags & kVmLocked) && !populates_as_told(mm)) populate(mm, old_end, new_end);
}

// The copy at the target: part of a neighbour there, or a new vma with a clone of the chain.
VmaId AddressSpaces::copy_vma(Mm& mm, VmaId vma, std::uint64_t addr, std::uint64_t new_addr,
                              std::uint64_t new_len, bool keep_source) {
  Vma copy = at(vma);
  copy.pgoff += pages(addr - copy.start);
  // Nothing refers to the old place yet, so the copy can be as if it had been mapped here.
  const bool unfaulted = copy.anonymous() && !faulted(vma);
  if (unfaulted) copy.pgoff = pages(new_addr);
  copy.displaced = faulted(vma) ? copy.displaced + pages(new_addr) - pages(addr) : 0;
  copy.start = new_addr;
  copy.end = new_addr + new_len;
  const Proposal range{.start = copy.start,
                       .end = copy.end,
                       .flags = copy.flags,
                       .pgoff = copy.pgoff,
                       .file = copy.file,
                       .policy = copy.policy,
                       .context = copy.context,
                       .displaced = copy.displaced,
                       .anon = vma,
                       .middle = {},
                       .copied = vma};
  const std::size_t i = mm.list.find(new_addr);
  VmaId prev_vma = i > 0 ? mm.list[i - 1] : VmaId{};
  VmaId next_vma = i < mm.list.size() ? mm.list[i] : VmaId{};
  bool may_merge = !rules_.remap_keeps_uffd_apart || (copy.flags & kVmUffdMask) == 0;
  if (keep_source && unfaulted && !rules_.self_merge) {
    const bool beside = new_addr == at(vma).end || at(vma).start == new_addr + new_len;
    may_merge = may_merge && (!beside || rules_.self_merge_spares_others);
    if (prev_vma == vma) prev_vma = {};
    if (next_vma == vma) next_vma = {};
  }
  if (may_merge)
    if (const VmaId merged = merge_new(mm, prev_vma, next_vma, range, false)) return merged;
  const VmaId fresh = alloc_vma(copy);
  strategy_->clone(fresh, vma, CloneOp::remap);
  insert_vma(mm, fresh);
  return fresh;
}

void AddressSpaces::move_vma(Mm& mm, std::uint64_t addr, std::uint64_t old_len,
                             std::uint64_t new_addr, std::uint64_t new_len, bool keep_source) {
  const VmaId vma = find_vma(mm, addr);
  const std::size_t i = mm.list.find(new_addr);
  if (!vma || (i < mm.list.size() && at(mm.list[i]).start < new_addr + new_len)) {
    return impossible(mm);
  }
  const std::uint64_t flags = at(vma).flags;
  if (keep_source && rules_.dontunmap_splits_locked && (flags & kVmLocked)) {
    if (at(vma).start < addr) split(mm, vma, addr, true);
    if (at(vma).end > addr + old_len) split(mm, vma, addr + old_len, false);
  }
  const std::uint64_t pgoff = at(vma).pgoff + pages(addr - at(vma).start);
  const VmaId copy = copy_vma(mm, vma, addr, new_addr, new_len, keep_source);
  // Of an unfaulted source the vma, the offset and all may have changed; it has no pages.
  if (faulted(vma) && copy != vma) moved(copy, vma, pgoff, pages(old_len), Watcher::Move::remap);
  // A userfaultfd follows a mapping only if it asked for that (UFFD_FEATURE_EVENT_REMAP).
  if (flags & kVmUffdMask) {
    at(copy).flags &= ~kVmUffdMask;
    at(copy).context = 0;
  }
  if (keep_source) {
    leave_source(mm, addr, addr + old_len, copy);
  } else {
    munmap(mm, addr, addr + old_len);
  }
  if ((flags & kVmLocked) && new_len > old_len && !populates_as_told(mm))
    populate(mm, new_addr + old_len, new_addr + new_len);
}

// MREMAP_DONTUNMAP: what becomes of the source.
void AddressSpaces::leave_source(Mm& mm, std::uint64_t start, std::uint64_t end, VmaId copy) {
  const VmaId source = find_vma(mm, start);  // the copy may have absorbed it
  if (rules_.dontunmap_drops_account) at(source).flags &= ~kVmAccount;
  at(source).flags &= ~kVmLockedMask;
  if (source == copy) return;
  const bool middle = at(source).start < start && end < at(source).end;
  if (const VmaId behind = next(source);
      rules_.dontunmap_accounts_next && middle && (at(source).flags & kVmAccount) && behind)
    at(behind).flags |= kVmAccount;
  const bool whole = at(source).start == start && at(source).end == end;
  if (!whole || !rules_.dontunmap_unlinks) return;
  unlink(source);
  at(source).displaced = 0;
  if (rules_.dontunmap_resets_pgoff && at(source).anonymous() && at(source).file == 0)
    at(source).pgoff = pages(start);
}

}  // namespace anonvma
