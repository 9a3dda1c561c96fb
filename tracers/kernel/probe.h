// Finds out by experiments what the running kernel's VMA layer does. Kernels of distributions carry
// backports, so the release does not tell.
#pragma once

#include "engine/result.h"
#include "engine/trace/meta.h"

namespace anonvma {

// Forks a child that plays each experiment for a rule of rules.def on a few pages of its own. This
// takes some milliseconds, and about ten seconds at most. The child is gone then, unless it hangs
// in the kernel. Needs /proc, but no privilege. A rule is left out if the kernel gives no answer,
// or an odd one.
Result<Behaviours> probe_behaviours();

}  // namespace anonvma
