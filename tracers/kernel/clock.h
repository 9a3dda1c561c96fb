// The clock of bpf_ktime_get_ns().
#pragma once

#include <cstdint>

namespace anonvma {

// CLOCK_MONOTONIC as the kernel has it, also inside of a time namespace. No step of the wall clock
// moves it.
std::uint64_t kernel_monotonic_ns();
// The wall clock, since 1970.
std::uint64_t unix_ns();

}  // namespace anonvma
