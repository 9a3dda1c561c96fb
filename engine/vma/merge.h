// Merging: vma_merge_new_range() and vma_merge_existing_range() of mm/vma.c, vma_merge() of
// mm/mmap.c before 6.13.
//
//   before          A new range (#)      A changed range (#) of M
//                   PPPP####NNNN         PPPP####NNNN   PPPP##MMMMMM   MMMMMM##NNNN
//   after           PPPPPPPPPPPP         PPPPPPPPPPPP   PPPPPPMMMMMM   MMMMMMNNNNNN
//                   joins prev and next  joins both     goes into prev goes into next
//
// Same, by the rules of each era (KernelRules): the neighbours that a range joins, the
// vm_area_struct that stays, chains cloned before ranges change.
// Simplified: a maple tree, gaps and i_mmap are not modelled; no step can run out of memory.
// Ignored: memory accounting.
#pragma once

#include "engine/vma/layer.h"

namespace anonvma {

// struct vma_merge_struct: a range about to be mapped, moved or changed. If one call alone does
// something differently, that is a member here, which the call sets; its default is what all calls
// share.
struct VmaMerge {
  std::uint64_t start = 0, end = 0, flags = 0, pgoff = 0;
  FileId file = 0;
  std::uint32_t policy = 0, context = 0, name = 0;
  std::uint64_t displaced = 0;
  VmaId anon = {};    // the vma whose anon_vma the range carries; none: unfaulted
  VmaId middle = {};  // the vma being changed; the range is all or a part of it
  VmaId copied = {};  // mremap: the vma being copied

  // A range with the attributes of `vma`; it carries no anon_vma.
  static VmaMerge like(const Vma& vma);
};

// A new range between `neighbours` extends one of them or joins both; returns the vma, or none if
// the range does not merge. `extend_only`: the range does not join the next vma.
VmaId vma_merge_new_range(Layer& layer, Mm& mm, VmaTable::Neighbours neighbours,
                          const VmaMerge& range, bool extend_only = false);
// The range of `range.middle` gets the flags of `range`. Returns the neighbour that absorbs the
// range, or none.
VmaId vma_merge_existing_range(Layer& layer, Mm& mm, const VmaMerge& range);

}  // namespace anonvma
