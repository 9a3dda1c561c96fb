// Reports pages that appear, move and go to a Watcher. Without a watcher each call costs a branch.
//
// Simplified: a page is a mapping of an address, which exists from the first write on. Ignored: page
// tables, huge pages, swapping, sharing by KSM.
#pragma once

#include <cstdint>

#include "engine/vma/layer.h"

namespace anonvma {

// unlink_anon_vmas(): `vma` loses its pages and its chain.
void unlink_anon_vmas(Layer& layer, VmaId vma);
// The task wrote to the part of [start, end) that `vma` maps.
void written(Layer& layer, VmaId vma, std::uint64_t start, std::uint64_t end);
// All of `vma` is prepared and written to.
void write_all(Layer& layer, VmaId vma);
void moved(Layer& layer, VmaId to, VmaId from, std::uint64_t pgoff, std::uint64_t pages,
           Watcher::Move why);

}  // namespace anonvma
