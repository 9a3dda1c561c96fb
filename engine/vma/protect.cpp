// mprotect: do_mprotect_pkey() and mprotect_fixup() of mm/mprotect.c. It works from vma to vma and
// stops at the first hole, at the first vma that may not have what is asked, and at a sealed one:
// what came before stays changed.
#include <algorithm>

#include "engine/vma/address_spaces.h"

namespace anonvma {

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
  if ((old & (kVmWrite | kVmShared | kVmLocked)) == kVmLocked && (flags & kVmWrite))
    prepare(changed);  // locked memory is populated
  return changed;
}

void AddressSpaces::protect(Mm& mm, const Protect& event) {
  std::uint64_t start = event.addr;
  const std::uint64_t end = start + page_align(event.len);
  if (event.len == 0 || !valid_range(start, page_align(event.len))) return;
  if (event.prot & kProtGrowsDown) {
    const VmaId stack = find_vma(mm, start);
    if (stack && (at(stack).flags & kVmGrowsDown)) start = at(stack).start;
  }
  const std::uint64_t access =
      (event.prot & kVmAccess) |
      (event.pkey >= 0 ? (static_cast<std::uint64_t>(event.pkey) << kVmPkeyShift) & kVmPkeyMask
                       : 0);
  const std::uint64_t mask = kVmAccess | (event.pkey >= 0 ? kVmPkeyMask : 0);

  // Where it stops; a call that failed without a reason the model can see changed nothing.
  std::uint64_t stop = start;
  for (std::size_t i = mm.list.find(start); i < mm.list.size() && stop < end; ++i) {
    const Vma& vma = at(mm.list[i]);
    const bool allowed = (access & kVmAccess & ~(vma.flags >> 4)) == 0;
    if (vma.start > stop || !allowed || (vma.flags & rules_.sealed)) break;
    stop = vma.end;
  }
  if (event.ret < 0 && stop >= end) return;
  stop = std::min(stop, end);

  for (std::uint64_t cursor = start; cursor < stop;) {
    const VmaId vma = find_vma(mm, cursor);
    if (!vma) break;
    const VmaId changed = protect_fixup(mm, vma, cursor, std::min(at(vma).end, stop), access, mask);
    cursor = at(changed).end;
  }
}

}  // namespace anonvma
