// mprotect: do_mprotect_pkey() and mprotect_fixup() of mm/mprotect.c. It works from vma to vma and
// stops at the first hole, at the first vma that may not have what is asked, and at a sealed one:
// what came before stays changed.
#include <algorithm>

#include "engine/vma/address_spaces.h"

namespace anonvma {
namespace {

// Of prot: no key was asked for, and pkey is the one that this mm has for PROT_EXEC alone.
constexpr std::uint64_t kProtExecuteOnlyKey = 0x00200000;

}  // namespace

VmaId AddressSpaces::protect_fixup(Mm& mm, VmaId vma, std::uint64_t start, std::uint64_t end,
                                   std::uint64_t access, std::uint64_t access_mask) {
  const std::uint64_t old = at(vma).flags;
  std::uint64_t flags = (old & ~access_mask) | access;
  if (flags == old) return vma;
  if (flags & kVmWrite) {
    // Private memory that becomes writable is accounted for from now on.
    if ((old & (kVmAccount | kVmWrite | kVmHugeTlb | kVmShared | kVmNoReserve)) == 0)
      flags |= kVmAccount;
  } else if (rules_.unfaulted_drops_account && at(vma).anonymous() && !faulted(vma)) {
    flags &= ~kVmAccount;
  }
  const VmaId changed = modify(mm, vma, start, end, flags);
  if ((old & (kVmWrite | kVmShared | kVmLocked | kVmLockOnFault)) == kVmLocked &&
      (flags & kVmWrite)) {
    prepare(changed);  // locked memory is populated
    written(changed, start, end);
  }
  return changed;
}

// The access a vma gets. A process with the READ_IMPLIES_EXEC personality may execute what it may
// read, where the mapping allows it.
std::uint64_t AddressSpaces::asked_access(const Vma& vma, const Protect& event) const {
  std::uint64_t access = event.prot & kVmAccess;
  if ((event.prot & kProtReadImpliesExec) && (access & kVmRead) && (vma.flags & kVmMayExec))
    access |= kVmExec;
  if (event.pkey < 0) return access;
  const std::uint64_t key = (static_cast<std::uint64_t>(event.pkey) << kVmPkeyShift) & kVmPkeyMask;
  if (!(event.prot & kProtExecuteOnlyKey)) return access | key;
  // __arch_override_mprotect_pkey(): execute-only memory gets that key, and loses it.
  constexpr std::uint64_t kProtMask = 0xf;
  if ((event.prot & kProtMask) == kVmExec) return access | key;
  const std::uint64_t before = vma.flags & kVmPkeyMask;
  return access | ((vma.flags & kVmAccess) == kVmExec && before == key ? 0 : before);
}

// With PROT_GROWSDOWN the range begins where the stack at `start` does; none when it is no stack.
std::optional<std::uint64_t> AddressSpaces::stack_start(const Mm& mm, std::uint64_t start,
                                                        std::uint64_t end) const {
  const std::size_t i = mm.list.find(start);
  if (i == mm.list.size()) return {};
  const Vma& vma = at(mm.list[i]);
  if (!(vma.flags & kVmGrowsDown) || vma.start >= end) return {};
  return vma.start;
}

void AddressSpaces::protect(Mm& mm, const Protect& event) {
  std::uint64_t start = event.addr;
  const std::uint64_t end = start + page_align(event.len);
  if (event.len == 0 || !valid_range(start, page_align(event.len), event.ret)) return;
  // Only a hole, a vma that forbids the access, a sealed one and a huge page that would be cut stop
  // a call half-way.
  if (event.ret < 0 && event.ret != kErrNoMem && event.ret != kErrAccess && event.ret != kErrPerm &&
      event.ret != kErrInval)
    return;
  if (event.prot & kProtGrowsDown) {
    const std::optional<std::uint64_t> stack = stack_start(mm, start, end);
    if (!stack) return;
    start = *stack;
  }
  const std::uint64_t mask = kVmAccess | (event.pkey >= 0 ? kVmPkeyMask : 0);

  // Where it stops; a call that failed without a reason the model can see changed nothing.
  std::uint64_t stop = start;
  bool cuts = false;
  for (std::size_t i = mm.list.find(start); i < mm.list.size() && stop < end; ++i) {
    slab_.worked(1);
    const Vma& vma = at(mm.list[i]);
    const bool allowed = (asked_access(vma, event) & kVmAccess & ~(vma.flags >> 4)) == 0;
    cuts = splits_huge(vma, start) || splits_huge(vma, end);
    if (vma.start > stop || !allowed || cuts || (vma.flags & rules_.sealed)) break;
    stop = vma.end;
  }
  if (event.ret < 0 && (stop >= end || (event.ret == kErrInval && !cuts))) return;
  stop = std::min(stop, end);

  for (std::uint64_t cursor = start; cursor < stop;) {
    slab_.worked(1);
    const VmaId vma = find_vma(mm, cursor);
    if (!vma) break;
    const VmaId changed = protect_fixup(mm, vma, cursor, std::min(at(vma).end, stop),
                                        asked_access(at(vma), event), mask);
    cursor = at(changed).end;
  }
}

}  // namespace anonvma
