#include "engine/vma/lock.h"

#include <optional>

#include "engine/vma/fault.h"
#include "engine/vma/modify.h"
#include "engine/vma/pages.h"

namespace anonvma {
namespace {

// mlock_fixup() skips all other vmas.
bool may_lock(const Vma& vma) {
  return (vma.flags & (kVmSpecial | kVmHugeTlb | kVmDroppable)) == 0 &&
         (vma.ops & kOpsKeepsLock) == 0;
}

// True if [start, end) has no hole and each of its vmas has one of `flags` (0: any vma will do).
bool is_mapped(Layer& layer, const Mm& mm, std::uint64_t start, std::uint64_t end,
               std::uint64_t flags) {
  for (const VmaId id : layer.vmas.range(mm, start, end)) {
    const Vma& vma = layer.at(id);
    if (vma.start > start || (flags != 0 && (vma.flags & flags) == 0)) return false;
    start = vma.end;
  }
  return start >= end;
}

// -ENOMEM without a hole: populating failed, or the call was over the limit and changed nothing.
// The growth of mm->locked_vm decides. If all was locked before, and in older traces, the flags of
// the vma at the start decide, unless they were as wanted before or this vma cannot be locked.
bool over_lock_limit(Layer& layer, Mm& mm, const Lock& event, std::uint64_t start,
                     std::uint64_t end, std::uint64_t wanted) {
  if (!is_mapped(layer, mm, start, end, 0) || event.locked > 1) return false;
  if (event.locked == 1)
    for (const VmaId id : layer.vmas.range(mm, start, end))
      if (may_lock(layer.at(id)) && !(layer.at(id).flags & kVmLocked)) return true;
  const Vma& first = layer.at(layer.vmas.vma_lookup(mm, start));
  const std::uint64_t before = first.flags & kVmLockedMask;
  if (event.locked == 0 && (event.vm_flags == 0 || before != 0))
    return is_mapped(layer, mm, start, end, kVmAccess);
  return event.vm_flags != 0 && before != wanted && may_lock(first) &&
         (event.vm_flags & kVmLockedMask) != wanted;
}

// Sets the kind of locking of all vmas of [start, end) that may be locked; true when there is a
// hole.
bool apply_vma_lock_flags(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end,
                          std::uint64_t wanted, bool stop_at_hole) {
  return walk_vmas(layer, mm, start, end, stop_at_hole,
                   [&](VmaId id) -> std::optional<std::uint64_t> {
                     const Vma& vma = layer.at(id);
                     return may_lock(vma) ? (vma.flags & ~kVmLockedMask) | wanted : vma.flags;
                   });
}

void apply_mlockall_flags(Layer& layer, Mm& mm, const Lock& event) {
  const bool lock = static_cast<LockOp>(event.op) == LockOp::mlockall;
  const std::uint64_t flags = lock ? event.flags : 0;
  const std::uint64_t locked = kVmLocked | ((flags & kMclOnFault) ? kVmLockOnFault : 0);
  mm.def_flags &= ~kVmLockedMask;
  if (flags & kMclFuture) mm.def_flags |= locked;
  if (lock && !(flags & kMclCurrent)) return;
  const std::uint64_t wanted = lock ? locked : 0;
  apply_vma_lock_flags(layer, mm, 0, kTaskSizeMax, wanted, false);
  if (!lock || layer.populates_by_touch(mm)) return;
  for (const VmaId id : layer.vmas.range(mm, 0, kTaskSizeMax)) {
    const Vma& vma = layer.at(id);
    if (vma.flags & (kVmIo | kVmPfnMap | kVmLockOnFault)) continue;
    if (vma.may_prepare()) write_all(layer, id);
  }
}

}  // namespace

void do_mlock(Layer& layer, Mm& mm, const Lock& event) {
  const auto op = static_cast<LockOp>(event.op);
  if (op == LockOp::mlockall || op == LockOp::munlockall) {
    if (event.ret >= 0) apply_mlockall_flags(layer, mm, event);
    return;
  }
  const std::uint64_t start = event.addr & ~layer.page.mask();
  const std::uint64_t len = layer.page_align(event.len + (event.addr - start));
  if (len == 0 || event.len > kTaskSizeMax || !layer.valid_range(start, len, event.ret)) return;
  if (event.ret < 0 && event.ret != kErrNoMem && event.ret != kErrFault && event.ret != kErrAgain)
    return;
  std::uint64_t wanted = op == LockOp::munlock ? 0 : kVmLocked;
  if (op == LockOp::mlock2 && (event.flags & 1)) wanted |= kVmLockOnFault;
  if (event.ret == kErrNoMem && over_lock_limit(layer, mm, event, start, start + len, wanted))
    return;
  const bool hole = apply_vma_lock_flags(layer, mm, start, start + len, wanted, true);
  // A page that cannot be populated, like a page behind the end of a file, stops populating.
  if (!hole && wanted != 0 && !layer.populates_by_touch(mm) &&
      (event.ret >= 0 || !layer.setting.own()))
    mm_populate(layer, mm, start, start + len);
}

}  // namespace anonvma
