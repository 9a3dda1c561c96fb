#include "engine/vma/protect.h"

#include <algorithm>
#include <optional>

#include "engine/vma/modify.h"
#include "engine/vma/pages.h"
#include "engine/vma/unmap.h"

namespace anonvma {
namespace {

// A bit of `prot`: no key was requested, and `pkey` is the key that this mm has for PROT_EXEC
// alone.

VmaId mprotect_fixup(Layer& layer, Mm& mm, VmaId vma, std::uint64_t start, std::uint64_t end,
                     std::uint64_t access, std::uint64_t access_mask) {
  const std::uint64_t old = layer.at(vma).flags;
  std::uint64_t flags = (old & ~access_mask) | access;
  if (flags == old) return vma;
  if (flags & kVmWrite) {
    // Private memory that becomes writable is accounted for from now on.
    if ((old & (kVmAccount | kVmWrite | kVmHugeTlb | kVmShared | kVmNoReserve)) == 0)
      flags |= kVmAccount;
  } else if (layer.rules.unfaulted_drops_account && layer.at(vma).anonymous() &&
             !layer.faulted(vma)) {
    flags &= ~kVmAccount;
  }
  const VmaId changed = vma_modify(layer, mm, range_of(layer, vma, start, end, flags));
  if ((old & (kVmWrite | kVmShared | kVmLocked | kVmLockOnFault)) == kVmLocked &&
      (flags & kVmWrite)) {
    layer.rmap.prepare(changed);  // locked memory is populated
    written(layer, changed, start, end);
  }
  return changed;
}

// The access that a vma gets. For the READ_IMPLIES_EXEC personality read access includes execution,
// if the mapping allows it.
std::uint64_t asked_access(const Layer& layer, const Vma& vma, const Protect& event) {
  std::uint64_t access =
      (event.prot & kVmAccess) | arm64_calc_vm_prot_bits(layer.rules, event.prot);
  if ((event.prot & kProtReadImpliesExec) && (access & kVmRead) && (vma.flags & kVmMayExec))
    access |= kVmExec;
  if (event.pkey < 0) return access;
  const std::uint64_t key = (static_cast<std::uint64_t>(event.pkey) << kVmPkeyShift) & kVmPkeyMask;
  if (!(event.prot & kProtExecuteOnlyKey)) return access | key;
  // __arch_override_mprotect_pkey(): memory that becomes execute-only gets the key, and memory that
  // was execute-only loses it.
  constexpr std::uint64_t kProtMask = 0xf;
  if ((event.prot & kProtMask) == kVmExec) return access | key;
  const std::uint64_t before = vma.flags & kVmPkeyMask;
  return access | ((vma.flags & kVmAccess) == kVmExec && before == key ? 0 : before);
}

// With PROT_GROWSDOWN the range begins at the start of the stack at `start`; nullopt if there is no
// stack.
std::optional<std::uint64_t> stack_start(Layer& layer, const Mm& mm, std::uint64_t start,
                                         std::uint64_t end) {
  const VmaId id = layer.vmas.find_vma(mm, start);
  if (!id) return {};
  const Vma& vma = layer.at(id);
  if (!(vma.flags & kVmGrowsDown) || vma.start >= end) return {};
  return vma.start;
}

// The address at which a call stops. A call that failed without a reason that the model can see
// changed nothing.
std::uint64_t stops_at(Layer& layer, const Mm& mm, const Protect& event, std::uint64_t start,
                       std::uint64_t end) {
  std::uint64_t stop = start;
  bool cuts = false;
  for (const VmaId id : layer.vmas.range(mm, start, end)) {
    const Vma& vma = layer.at(id);
    const bool allowed = (asked_access(layer, vma, event) & kVmAccess & ~(vma.flags >> 4)) == 0;
    cuts = splits_huge(layer, vma, start) || splits_huge(layer, vma, end);
    if (vma.start > stop || !allowed || cuts || (vma.flags & layer.rules.sealed)) break;
    stop = vma.end;
  }
  if (event.ret < 0 && (stop >= end || (event.ret == kErrInval && !cuts))) return start;
  return std::min(stop, end);
}

}  // namespace

void do_mprotect_pkey(Layer& layer, Mm& mm, const Protect& event) {
  std::uint64_t start = event.addr;
  const std::uint64_t end = start + layer.page_align(event.len);
  if (event.len == 0 || !layer.valid_range(start, layer.page_align(event.len), event.ret)) return;
  // A call is only stopped half-way by a hole, a vma that forbids the access, a sealed vma, or a
  // huge page that would be cut.
  if (event.ret < 0 && event.ret != kErrNoMem && event.ret != kErrAccess && event.ret != kErrPerm &&
      event.ret != kErrInval)
    return;
  if (event.prot & kProtGrowsDown) {
    const std::optional<std::uint64_t> stack = stack_start(layer, mm, start, end);
    if (!stack) return;
    start = *stack;
  }
  // Each mprotect sets VM_ARM64_BTI anew. None removes VM_MTE.
  const std::uint64_t mask = kVmAccess | (event.pkey >= 0 ? kVmPkeyMask : 0) |
                             ((event.prot & kProtArm64) ? kVmArm64Bti : 0);

  const std::uint64_t stop = stops_at(layer, mm, event, start, end);
  for (std::uint64_t cursor = start; cursor < stop;) {
    const VmaId vma = layer.vmas.find_vma(mm, cursor);
    const VmaId changed = mprotect_fixup(layer, mm, vma, cursor, std::min(layer.at(vma).end, stop),
                                         asked_access(layer, layer.at(vma), event), mask);
    cursor = layer.at(changed).end;
  }
}

}  // namespace anonvma
