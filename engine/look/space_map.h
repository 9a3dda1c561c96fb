// The answer of `map`: one address space at one moment as people draw it when they explain rmap. Its
// vmas, the anon_vmas that they are linked to up to the roots, and who else is linked to these.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/look/look.h"
#include "engine/trace/event.h"

namespace anonvma {

enum class VmaKind : std::uint8_t { anonymous, heap, stack, file, shared_memory, special };

struct MappedVma {
  std::uint64_t start = 0, end = 0, flags = 0, pgoff = 0;
  VmaKind kind = VmaKind::anonymous;
  FileId file = 0;
  std::string name;  // given by PR_SET_VMA_ANON_NAME; empty: none
  bool faulted = false;
  std::uint64_t anon_vma = 0;  // its number, see Origins; 0: none
  // In designs that do without an anon_vma its pages point at another one, or at another object: the
  // number of that.
  std::uint64_t points_at = 0, points_at_other = 0;
  std::vector<std::uint64_t> chain;  // numbers, most recently added first
  std::uint64_t walk = 0;            // vmas that an rmap walk from a page of it visits
  friend bool operator==(const MappedVma&, const MappedVma&) = default;
};

// An anon_vma that a vma of the mm is linked to, or a root of one.
struct MappedAnonVma {
  // Numbers. A root is its own parent; 0: the design has none, or the parent is freed.
  std::uint64_t number = 0, root = 0, parent = 0;
  std::uint64_t num_children = 0, num_active_vmas = 0;
  std::size_t depth = 0;                          // below its root, among the anon_vmas of this map
  std::uint64_t own_here = 0, own_elsewhere = 0;  // vmas whose own it is
  std::uint64_t linked_here = 0, linked_elsewhere = 0;  // vmas linked to it, those included
  std::uint64_t descendants = 0;                        // of a root
  std::vector<MmId> others;                             // mms that share it, ascending
  Origin origin;
  friend bool operator==(const MappedAnonVma&, const MappedAnonVma&) = default;
};

struct SpaceMap {
  Scene scene;
  MmLife mm;
  MmNames names;                         // of all mms below
  std::vector<MappedVma> vmas;           // by address
  std::vector<MappedAnonVma> anon_vmas;  // each below its parent, trees by their roots' numbers
  std::array<std::uint64_t, kAllCaches> objs{};  // that the mm holds, as in `--by mm`
  std::uint64_t bytes = 0;                       // of these
  std::uint64_t chain_entries = 0;               // of its vmas
  std::uint64_t shared = 0;                      // of `anon_vmas`: also linked to by other mms
  // False in a design without such objects: then the map has none.
  bool has_chains = false, has_anon_vmas = false;
  friend bool operator==(const SpaceMap&, const SpaceMap&) = default;
};

// A vma of the standing model.
MappedVma mapped_vma(const Look::Stand& stand, const Survey& survey, VmaId id);

// `mm` is alive at the moment of `stand`, which is that of `scene`.
SpaceMap map_space(const Scene& scene, const Look::Stand& stand, const Survey& survey,
                   const MmLife& mm);

}  // namespace anonvma
