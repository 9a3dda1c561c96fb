// All anon_vmas of a standing model: who is linked to each, whose own each is, and what keeps it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/ids.h"
#include "engine/look/origins.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

// The link of one vma to an anon_vma.
struct VmaLink {
  MmId mm;
  VmaId vma;
  bool own = false;  // it is vma->anon_vma
};

struct AnonVmaCensus {
  // Numbers, see Origins. A root is its own parent; 0: the design has none, or it is freed and unknown.
  std::uint64_t root = 0, parent = 0;
  std::uint64_t num_children = 0, num_active_vmas = 0;
  // By mm and address. Empty: only its descendants keep it.
  std::vector<VmaLink> links;
  std::uint64_t own_vmas = 0;     // of `links`
  std::uint64_t descendants = 0;  // anon_vmas of which it is the root, without itself
  Origin origin;
  // False: known only as the root of others. The counters are not known then.
  bool linked() const { return !links.empty(); }
};

struct Census {
  std::map<std::uint64_t, AnonVmaCensus> anon_vmas;  // by number
  std::uint64_t chain_entries = 0;
  // Faulted vmas without an anon_vma, which designs without such objects have.
  std::uint64_t without_anon_vma = 0;
};
// `origins` has observed `spaces`.
Census take_census(const AddressSpaces& spaces, Origins& origins);

}  // namespace anonvma
