// Splits a vma, and changes a part of one: __split_vma() and vma_modify() of mm/vma.c.
//
// Same: the chain of the new half is cloned before ranges change; a range is merged if that is
// allowed, and split off only otherwise.
// Ignored: no step can run out of memory; memory accounting.
#pragma once

#include <algorithm>
#include <optional>

#include "engine/vma/layer.h"
#include "engine/vma/merge.h"

namespace anonvma {

// Cuts `vma` at `addr`. The new vma is the lower half with `new_below`, else the upper one.
VmaId split_vma(Layer& layer, VmaId vma, std::uint64_t addr, bool new_below);
// The range [start, end) of `vma`, to be changed: its flags become `flags`.
VmaMerge range_of(Layer& layer, VmaId vma, std::uint64_t start, std::uint64_t end,
                  std::uint64_t flags);
// Gives the range its flags, policy, context and name; the result is the vma that holds it now.
VmaId vma_modify(Layer& layer, Mm& mm, const VmaMerge& range);

// Visits the vmas of [start, end) as madvise does: `visit(vma, from, to)` changes the part of the vma
// in the range. It returns the vma that then holds the part, or none to stop at this vma. True if there
// was a hole; with `stop_at_hole` the walk ends there.
template <class Visit>
bool walk_ranges(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end, bool stop_at_hole,
                 Visit visit) {
  bool hole = false;
  for (std::uint64_t cursor = start; cursor < end;) {
    VmaId vma = layer.vmas.find_vma(mm, cursor);
    const bool mapped = vma && layer.at(vma).start < end;
    if (!mapped || layer.at(vma).start > cursor) {
      hole = true;
      if (stop_at_hole || !mapped) return hole;
      cursor = layer.at(vma).start;
    }
    vma = visit(vma, cursor, std::min(layer.at(vma).end, end));
    if (!vma) return hole;
    cursor = layer.at(vma).end;
  }
  return hole;
}

// The same for calls that change flags: `change(vma)` returns the new flags, or nullopt to stop.
template <class Change>
bool walk_vmas(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end, bool stop_at_hole,
               Change change) {
  return walk_ranges(layer, mm, start, end, stop_at_hole,
                     [&](VmaId vma, std::uint64_t from, std::uint64_t to) -> VmaId {
                       const std::optional<std::uint64_t> flags = change(vma);
                       if (!flags) return {};
                       if (*flags == layer.at(vma).flags) return vma;
                       return vma_modify(layer, mm, range_of(layer, vma, from, to, *flags));
                     });
}

}  // namespace anonvma
