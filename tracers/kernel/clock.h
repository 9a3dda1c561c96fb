// The clock of bpf_ktime_get_ns().
#pragma once

#include <cstdint>

namespace anonvma {

// CLOCK_MONOTONIC of the initial time namespace, also inside of another one. Steps of the wall
// clock do not change it.
std::uint64_t kernel_monotonic_ns();
// The wall clock, since 1970.
std::uint64_t unix_ns();

}  // namespace anonvma
