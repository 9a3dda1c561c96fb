// madvise, mlock and mseal: calls that walk a range and change flags (mm/madvise.c, mm/mlock.c).
#include <algorithm>
#include <optional>

#include "engine/vma/address_spaces.h"

namespace anonvma {
namespace {

// New flags of a vma under an advice; nothing when the call fails there.
std::optional<std::uint64_t> advised_flags(const Vma& vma, std::uint64_t advice) {
  const std::uint64_t flags = vma.flags;
  switch (advice) {
    case kMadvNormal:
      return flags & ~(kVmSeqRead | kVmRandRead);
    case kMadvRandom:
      return (flags & ~kVmSeqRead) | kVmRandRead;
    case kMadvSequential:
      return (flags & ~kVmRandRead) | kVmSeqRead;
    case kMadvDontFork:
      return flags | kVmDontCopy;
    case kMadvDoFork:
      if (flags & kVmIo) return {};
      return flags & ~kVmDontCopy;
    case kMadvDontDump:
      return flags | kVmDontDump;
    case kMadvDoDump:
      if (((flags & kVmSpecial) && !(flags & kVmHugeTlb)) || (flags & kVmDroppable)) return {};
      return flags & ~kVmDontDump;
    case kMadvWipeOnFork:
      if (vma.file != 0 || (flags & kVmShared)) return {};
      return flags | kVmWipeOnFork;
    case kMadvKeepOnFork:
      if (flags & kVmDroppable) return {};
      return flags & ~kVmWipeOnFork;
    case kMadvHugePage:
      return (flags & ~kVmNoHugePage) | kVmHugePage;
    case kMadvNoHugePage:
      return (flags & ~kVmHugePage) | kVmNoHugePage;
    case kMadvMergeable:
      if (flags & (kVmShared | kVmMayShare | kVmSpecial | kVmHugeTlb | kVmDroppable)) return flags;
      return flags | kVmMergeable;
    case kMadvUnmergeable:
      return flags & ~kVmMergeable;
    default:
      return flags;
  }
}

// Discarding from a sealed vma that the program could not write to is refused.
bool advice_refused(const Vma& vma, std::uint64_t advice, std::uint64_t sealed) {
  const bool discards =
      advice == kMadvDontFork || advice == kMadvWipeOnFork || advice == kMadvGuardInstall;
  return discards && (vma.flags & sealed) && vma.anonymous() && !(vma.flags & kVmWrite);
}

// mlock_fixup() passes the others by.
bool may_lock(const Vma& vma) {
  return (vma.flags & (kVmSpecial | kVmHugeTlb | kVmDroppable)) == 0 &&
         (vma.ops & kOpsKeepsLock) == 0;
}

}  // namespace

// Without a hole, by vmas that have one of these flags each (0: by any).
bool AddressSpaces::is_mapped(const Mm& mm, std::uint64_t start, std::uint64_t end,
                              std::uint64_t flags) const {
  for (std::size_t i = mm.list.find(start); start < end; ++i) {
    slab_.worked(1);
    if (i == mm.list.size() || at(mm.list[i]).start > start) return false;
    if (flags != 0 && (at(mm.list[i]).flags & flags) == 0) return false;
    start = at(mm.list[i]).end;
  }
  return true;
}

template <class Change>
bool AddressSpaces::walk(Mm& mm, std::uint64_t start, std::uint64_t end, bool stop_at_hole,
                         Change change) {
  bool hole = false;
  for (std::uint64_t cursor = start; cursor < end;) {
    slab_.worked(1);
    const std::size_t i = mm.list.find(cursor);
    const bool mapped = i < mm.list.size() && at(mm.list[i]).start < end;
    if (!mapped || at(mm.list[i]).start > cursor) {
      hole = true;
      if (stop_at_hole || !mapped) return hole;
      cursor = at(mm.list[i]).start;
    }
    VmaId vma = mm.list[i];
    const std::optional<std::uint64_t> flags = change(vma);
    if (!flags) return hole;
    if (*flags != at(vma).flags) vma = modify(mm, vma, cursor, std::min(at(vma).end, end), *flags);
    cursor = at(vma).end;
  }
  return hole;
}

void AddressSpaces::advise(Mm& mm, const Advise& event) {
  const std::uint64_t len = page_align(event.len);
  if (len == 0 || !valid_range(event.addr, len, event.ret)) return;
  const std::uint64_t end = event.addr + len;
  if (event.advice == kMadvPopulateWrite) {
    // How far a call came that failed Touch events tell, of the vmas that the kernel had.
    if (event.ret < 0 && setting_.role == Role::own) return;
    // In contrast to mlock it goes no further than the first hole, or vma not to be written to.
    std::uint64_t stop = event.addr;
    for (std::size_t i = mm.list.find(stop); i < mm.list.size() && stop < end; ++i) {
      slab_.worked(1);
      const Vma& vma = at(mm.list[i]);
      if (vma.start > stop || (vma.flags & (kVmIo | kVmPfnMap)) || !(vma.flags & kVmWrite)) break;
      stop = vma.end;
    }
    if (!populates_as_told(mm)) populate(mm, event.addr, std::min(stop, end), 0);
    return;
  }
  if (event.advice == kMadvGuardInstall) {
    if (event.ret == kErrInval && rules_.sticky == 0) return;  // the kernel has no guard regions
    for (std::size_t i = mm.list.find(event.addr); i < mm.list.size(); ++i) {
      slab_.worked(1);
      Vma& vma = at(mm.list[i]);
      if (vma.start >= end || (vma.flags & (kVmLocked | kVmSpecial | kVmHugeTlb))) break;
      if (advice_refused(vma, event.advice, rules_.sealed)) break;
      vma.flags |= rules_.sticky & kVmMaybeGuard;
      if (vma.anonymous() && !(vma.flags & kVmShared)) prepare(mm.list[i]);
    }
    return;
  }
  // A call refused for a reason the model cannot see (a limit, a bad advice) changed nothing.
  if (event.ret < 0 && event.ret != kErrNoMem && event.ret != kErrInval && event.ret != kErrPerm)
    return;
  const auto flags_of = [&](const Vma& vma) -> std::optional<std::uint64_t> {
    if (event.ret == kErrPerm && advice_refused(vma, event.advice, rules_.sealed)) return {};
    return advised_flags(vma, event.advice);
  };
  bool refused = false;
  for (std::size_t i = mm.list.find(event.addr); i < mm.list.size() && !refused; ++i) {
    slab_.worked(1);
    if (at(mm.list[i]).start >= end) break;
    refused = !flags_of(at(mm.list[i]));
  }
  if ((event.ret == kErrInval || event.ret == kErrPerm) && !refused) return;
  walk(mm, event.addr, end, false, [&](VmaId v) { return flags_of(at(v)); });
}

// -ENOMEM without a hole: populating failed, or it was over the limit, and nothing changed. Whether
// mm->locked_vm grew tells. Where all was locked before, and in older traces, the flags of the vma
// at the start do, unless they were as wanted before or that vma cannot be locked.
bool AddressSpaces::over_lock_limit(Mm& mm, const Lock& event, std::uint64_t start,
                                    std::uint64_t end, std::uint64_t wanted) {
  if (!is_mapped(mm, start, end, 0) || event.locked > 1) return false;
  if (event.locked == 1)
    for (std::size_t i = mm.list.find(start); i < mm.list.size() && at(mm.list[i]).start < end; ++i)
      if (may_lock(at(mm.list[i])) && !(at(mm.list[i]).flags & kVmLocked)) return true;
  const Vma& first = at(find_vma(mm, start));
  const std::uint64_t before = first.flags & kVmLockedMask;
  if (event.locked == 0 && (event.vm_flags == 0 || before != 0))
    return is_mapped(mm, start, end, kVmAccess);
  return event.vm_flags != 0 && before != wanted && may_lock(first) &&
         (event.vm_flags & kVmLockedMask) != wanted;
}

void AddressSpaces::lock(Mm& mm, const Lock& event) {
  const auto op = static_cast<LockOp>(event.op);
  if (op == LockOp::mlockall || op == LockOp::munlockall) {
    if (event.ret >= 0) lock_all(mm, event);
    return;
  }
  const std::uint64_t start = event.addr & ~page_mask_;
  const std::uint64_t len = page_align(event.len + (event.addr - start));
  if (len == 0 || event.len > (1ull << 57) || !valid_range(start, len, event.ret)) return;
  if (event.ret < 0 && event.ret != kErrNoMem && event.ret != kErrFault && event.ret != kErrAgain)
    return;
  std::uint64_t wanted = op == LockOp::munlock ? 0 : kVmLocked;
  if (op == LockOp::mlock2 && (event.flags & 1)) wanted |= kVmLockOnFault;
  if (event.ret == kErrNoMem && over_lock_limit(mm, event, start, start + len, wanted)) return;
  const bool hole =
      walk(mm, start, start + len, true, [&](VmaId v) -> std::optional<std::uint64_t> {
        const std::uint64_t flags = at(v).flags;
        if (!may_lock(at(v))) return flags;
        return (flags & ~kVmLockedMask) | wanted;
      });
  // As above: a page that cannot be populated (behind the end of a file) stops it.
  if (!hole && wanted != 0 && !populates_as_told(mm) &&
      (event.ret >= 0 || setting_.role == Role::rival))
    populate(mm, start, start + len);
}

void AddressSpaces::lock_all(Mm& mm, const Lock& event) {
  const bool lock = static_cast<LockOp>(event.op) == LockOp::mlockall;
  const std::uint64_t flags = lock ? event.flags : 0;
  const std::uint64_t locked = kVmLocked | ((flags & kMclOnFault) ? kVmLockOnFault : 0);
  mm.def_flags &= ~kVmLockedMask;
  if (flags & kMclFuture) mm.def_flags |= locked;
  if (lock && !(flags & kMclCurrent)) return;
  const std::uint64_t wanted = lock ? locked : 0;
  const std::uint64_t end = 1ull << 57;
  walk(mm, 0, end, false, [&](VmaId v) -> std::optional<std::uint64_t> {
    const std::uint64_t old = at(v).flags;
    if (!may_lock(at(v))) return old;
    return (old & ~kVmLockedMask) | wanted;
  });
  if (!lock || populates_as_told(mm)) return;
  slab_.worked(mm.list.size());
  for (std::size_t i = 0; i < mm.list.size(); ++i) {
    const Vma& vma = at(mm.list[i]);
    if (vma.flags & (kVmIo | kVmPfnMap | kVmLockOnFault)) continue;
    if (vma.may_prepare()) write_all(mm.list[i]);
  }
}

// A hole refuses the whole call, so a call that succeeded sealed all of its range.
void AddressSpaces::seal(Mm& mm, const Seal& event) {
  const std::uint64_t len = page_align(event.len);
  if (event.ret < 0 || len == 0 || !valid_range(event.addr, len)) return;
  walk(mm, event.addr, event.addr + len, true,
       [&](VmaId v) -> std::optional<std::uint64_t> { return at(v).flags | rules_.sealed; });
}

}  // namespace anonvma
