// Makes a failing program small.
#pragma once

#include <functional>

#include "test/differential/program.h"

namespace anonvma::differential {

// Leaves out operations, then simplifies arguments, as long as the rest still `fails`.
Program shrink(Program program, const std::function<bool(const Program&)>& fails);

}  // namespace anonvma::differential
