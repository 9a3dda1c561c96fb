// The anon_vmas below one root, as a tree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/ids.h"

namespace anonvma {

class AddressSpaces;

struct FamilyNode {
  std::uint64_t name = 0;      // StrategyView::anon_vma_name()
  std::uint32_t parent = 0;    // index of the parent; the root's is its own
  std::uint64_t vmas = 0;      // linked to it; 0: only its descendants keep it
  std::uint64_t own_vmas = 0;  // of `vmas`, those with it as vma->anon_vma
  MmId mm = {};                // the lowest mm with such a vma, or else with a link
  std::string comm = {};       // of that mm
  friend bool operator==(const FamilyNode&, const FamilyNode&) = default;
};

struct Family {
  // Each parent is before its children; the root is first. Empty in a design without anon_vmas.
  std::vector<FamilyNode> nodes;
  std::uint64_t vmas = 0;   // linked to any of them
  std::uint64_t roots = 0;  // families at that moment
  friend bool operator==(const Family&, const Family&) = default;
};

// The family with the most anon_vmas. Of equal ones it is that with the most vmas, and then that with the
// lowest name of its root.
Family largest_family(const AddressSpaces& spaces);

}  // namespace anonvma
