// The facts of this machine that a trace carries.
#pragma once

#include "engine/result.h"
#include "engine/trace/meta.h"

namespace anonvma {

// Everything of Meta but the recorder's own options. What cannot be read keeps its default.
Meta describe_machine();

}  // namespace anonvma
