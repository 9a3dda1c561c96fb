// mprotect: do_mprotect_pkey() and mprotect_fixup() of mm/mprotect.c.
//
// Same: the call works from vma to vma and stops at the first hole, at the first vma that may not
// have the access, and at a sealed vma; the vmas before that point stay changed. VM_ACCOUNT follows
// the kernel's rules, as it decides merges.
// Simplified: no allocation fails by itself. Ignored: page protections; vm_ops->mprotect of drivers.
#pragma once

#include <cstdint>

#include "engine/trace/abi.h"
#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

// arch_calc_vm_prot_bits() of arm64: PROT_BTI and PROT_MTE. Bits of other machines give 0.
inline std::uint64_t arm64_calc_vm_prot_bits(const KernelRules& rules, std::uint64_t prot) {
  if ((prot & kProtArm64) == 0) return 0;
  return ((prot & kProtBti) ? kVmArm64Bti : 0) | ((prot & kProtMte) ? rules.mte : 0);
}

void do_mprotect_pkey(Layer& layer, Mm& mm, const Protect& event);

}  // namespace anonvma
