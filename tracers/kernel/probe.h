// What the running kernel's VMA layer does, found out by trying. Kernels of distributions carry
// changes back, so that the release does not tell.
#pragma once

#include "engine/result.h"
#include "engine/trace/meta.h"

namespace anonvma {

// Forks a child that tries each behaviour of behaviours.def on a few pages of its own, and is gone
// when this returns; takes some milliseconds, and ten seconds at the very most. Needs /proc, but no
// privilege. What a kernel cannot be asked, or answers oddly, is left out.
Result<Behaviours> probe_behaviours();

}  // namespace anonvma
