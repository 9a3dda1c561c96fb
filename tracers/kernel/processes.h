// Processes as /proc lists them.
#pragma once

#include <cstdint>
#include <set>
#include <span>

namespace anonvma {

// tgids with an address space of their own: no kernel threads, no zombies.
std::set<std::uint32_t> processes_with_mm();
// The given processes and all their present descendants.
std::set<std::uint32_t> with_descendants(std::span<const int> roots);

}  // namespace anonvma
