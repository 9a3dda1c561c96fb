// What the running kernel's VMA layer does, found out by trying. Kernels of distributions carry
// changes back, so that the release does not tell.
#pragma once

#include "engine/result.h"
#include "engine/trace/meta.h"

namespace anonvma {

// Forks a child that plays each experiment for a rule of rules.def on a few pages of its own. The
// child is gone when this returns, after some milliseconds, and ten seconds at most. Needs /proc,
// but no privilege. A rule is left out if the kernel gives no answer, or an odd one.
Result<Behaviours> probe_behaviours();

}  // namespace anonvma
