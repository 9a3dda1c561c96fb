// The design that a recorded kernel runs itself.
#pragma once

#include <string_view>

#include "engine/kernel_facts.h"
#include "engine/strategy/page.h"

namespace anonvma {

// The registered name of the strategy that a kernel with these facts runs; empty when unknown.
std::string_view own_strategy(const KernelFacts& kernel);
// The counters of that strategy; none when it is unknown.
Counters own_counters(const KernelFacts& kernel);

}  // namespace anonvma
