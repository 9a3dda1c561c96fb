// The clock of bpf_ktime_get_ns().
#pragma once

#include <cstdint>

namespace anonvma {

// CLOCK_MONOTONIC as the kernel has it, also inside of a time namespace. No step of the wall clock
// moves it.
std::uint64_t kernel_monotonic_ns();

}  // namespace anonvma
