// The result of a walk over the kernel's own lists, still with kernel addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/result.h"
#include "tracers/records.h"

namespace anonvma {

struct WalkedVma {
  anonvma_vma vma;
  std::vector<anonvma_walk_avc> chain;  // most recently added first
  std::uint64_t object = 0;             // anonvma_walk_vma.object
};

struct WalkedMm {
  anonvma_walk_vma head;  // of its first vma
  std::vector<WalkedVma> vmas;
  bool torn = false;  // a writer came in between: not one state
};

// Reads the bytes of one run of the iterator. An mm that several tasks share appears once.
Result<std::vector<WalkedMm>> parse_walk(std::span<const std::byte> bytes);

}  // namespace anonvma
