// mprotect: do_mprotect_pkey() and mprotect_fixup() of mm/mprotect.c.
//
// Same: the call works from vma to vma and stops at the first hole, at the first vma that may not
// have the access, and at a sealed vma; the vmas before that point stay changed. VM_ACCOUNT follows
// the kernel's rules, as it decides merges.
// Simplified: no allocation fails by itself. Ignored: page protections; vm_ops->mprotect of drivers.
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void do_mprotect_pkey(Layer& layer, Mm& mm, const Protect& event);

}  // namespace anonvma
