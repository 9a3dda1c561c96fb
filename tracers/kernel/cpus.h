// CPU numbers. They may have holes, and may be larger than the number of CPUs.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace anonvma {

inline constexpr std::uint32_t kMaxCpus = 8192;  // NR_CPUS of the largest kernels

// The numbers of a list such as "0,2-3", ascending. What is no list has none.
std::vector<std::uint32_t> parse_cpu_list(std::string_view list);
// The CPUs that may ever come online. BPF's values by CPU are in this order.
std::vector<std::uint32_t> possible_cpus();

}  // namespace anonvma
