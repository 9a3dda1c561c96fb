// munmap: vms_gather_munmap_vmas() and what follows it in mm/vma.c.
//
// Same: the splits at both edges, the half of a split that stays mapped, the order of unlinking and
// of freeing, the splits that a refused call has made.
// Simplified: no allocation fails by itself. Ignored: page tables, stacks that grow up, unmapping notifications.
#pragma once

#include <vector>

#include "engine/vma/layer.h"

namespace anonvma {

// Splits at both edges, unlinks everything in [start, end) in ascending order and removes it from
// the list. The caller releases the structs: an mmap over an old mapping frees them only after the
// new vma exists.
std::vector<VmaId> vms_gather_munmap_vmas(Layer& layer, Mm& mm, std::uint64_t start,
                                          std::uint64_t end);
void do_munmap(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end);
// The call failed with `ret`, and may have split the first vma before it failed.
void munmap_refused(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end, std::int64_t ret);

bool holds_sealed(Layer& layer, const Mm& mm, std::uint64_t start, std::uint64_t end);
// True if a cut at `addr` would go through a huge page of `vma`.
bool splits_huge(const Layer& layer, const Vma& vma, std::uint64_t addr);

}  // namespace anonvma
