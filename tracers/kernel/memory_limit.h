// The memory that the cgroup of this process allows.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tracers/kernel/cgroups.h"

namespace anonvma {

// The lowest limit of the cgroup and of those above it, as far as they are mounted; nothing if there is
// none. `self` is the text of /proc/self/cgroup.
std::optional<std::uint64_t> memory_limit(const std::vector<CgroupMount>& mounts,
                                          std::string_view self);
std::optional<std::uint64_t> memory_limit();

}  // namespace anonvma
