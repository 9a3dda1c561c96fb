// Faults: when a vma gets its anon_vma (vmf_anon_prepare() of mm/memory.c and its callers), of
// itself or because a call populates it, and stack growth (expand_stack() of mm/mmap.c).
#include "engine/vma/address_spaces.h"

namespace anonvma {
namespace {
// Unmapped pages a growing stack keeps above an accessible mapping (stack_guard_gap).
constexpr std::uint64_t kStackGuardPages = 256;
}  // namespace

void AddressSpaces::prepare(VmaId vma) {
  if (strategy_->faulted(vma)) return;
  ++prepared_;
  const std::uint64_t avcs = slab_.usage(kAnonVmaChain).allocs;
  const std::uint64_t anon_vmas = slab_.usage(kAnonVma).allocs;
  strategy_->prepare(vma);
  prepared_objs_[kAnonVmaChain] += slab_.usage(kAnonVmaChain).allocs - avcs;
  prepared_objs_[kAnonVma] += slab_.usage(kAnonVma).allocs - anon_vmas;
}

// mm_populate(): writable private memory gets its pages by a write, the rest by reads. Vmas with a
// flag of `skipped` are passed by.
void AddressSpaces::populate(Mm& mm, std::uint64_t start, std::uint64_t end,
                             std::uint64_t skipped) {
  for (std::size_t i = mm.list.find(start); i < mm.list.size(); ++i) {
    slab_.worked(1);
    const VmaId vma = mm.list[i];
    const Vma& v = at(vma);
    if (v.start >= end) break;
    if (v.flags & (kVmIo | kVmPfnMap | skipped)) continue;
    if (v.may_prepare()) {
      prepare(vma);
      written(vma, start, end);
    }
    if ((v.flags & kVmAccess) == 0) break;  // inaccessible: populating stops with an error
  }
}

// The stack is prepared first, then its start and pgoff go down; no vma is allocated and none
// merge.
bool AddressSpaces::expand_stack(Mm& mm, std::uint64_t addr) {
  const std::size_t i = mm.list.find(addr);
  if (i == mm.list.size()) return false;
  const VmaId stack = mm.list[i];
  if (!(at(stack).flags & kVmGrowsDown)) return false;
  if (i > 0) {
    const Vma& below = at(mm.list[i - 1]);
    const bool guarded = (below.flags & kVmAccess) && !(below.flags & kVmGrowsDown);
    if (guarded && addr - below.end < (kStackGuardPages << page_shift_)) return false;
  }
  if (pages(at(stack).start - addr) > at(stack).pgoff) return false;
  prepare(stack);
  lock_stack(stack);
  set_start(stack, addr & ~page_mask_, true);
  return true;
}

// Growth takes the write lock: the acquire (with a map_count) says that it was granted, the
// exception alone that it was asked for.
void AddressSpaces::fault(Mm& mm, const EventHead& head, const Fault& event) {
  const VmaId vma = find_vma(mm, event.addr);
  const bool acquired = head.map_count != 0;
  const std::uint64_t page = event.addr & ~page_mask_;
  if (!vma) {
    const bool grows = (acquired || !rules_.growth_takes_lock) && expand_stack(mm, event.addr);
    if (!grows)
      ++anomalies_[Anomaly::fault_without_vma];
    else if (event.flags & kFaultWrite)
      written(find_vma(mm, event.addr), page, page + page_mask_ + 1);
    return;
  }
  if (!(event.flags & kFaultWrite) || !at(vma).may_prepare()) return;
  // Raced for, so that the kernel may have prepared the vma later, or another one: a Touch tells.
  // Another design is asked here, or it would miss the first write to a vma it kept apart.
  if (!(event.flags & kFaultShared) || setting_.role != Role::own) prepare(vma);
  written(vma, page, page + page_mask_ + 1);
}

// get_user_pages with FOLL_FORCE prepares private mappings that are not writable, too. It may grow
// a stack, and before 6.5 no write lock tells: the stack is prepared, and begins at the address.
void AddressSpaces::touch(Mm& mm, const Touch& event) {
  VmaId vma = find_vma(mm, event.addr);
  if (!vma && !rules_.growth_takes_lock && expand_stack(mm, event.addr))
    vma = find_vma(mm, event.addr);
  if (!vma || (at(vma).flags & kVmShared)) return;
  prepare(vma);
  const std::uint64_t page = event.addr & ~page_mask_;
  written(vma, page, page + page_mask_ + 1);
}

}  // namespace anonvma
