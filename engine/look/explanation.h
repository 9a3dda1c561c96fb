// The answer of `explain`: why anon_vmas are alive at a moment. Who made each, which forks carried it
// on, and what still holds it; and of the whole moment the ancestors without a vma of their own and
// the deepest chains.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/look/look.h"
#include "engine/look/space_map.h"

namespace anonvma {

// An anon_vma with its cost: itself, and the chain entries that link to it.
struct HeldAnonVma {
  std::uint64_t number = 0, root = 0, parent = 0;
  std::uint64_t num_children = 0, num_active_vmas = 0, descendants = 0;
  std::uint64_t own_vmas = 0, linked_vmas = 0, mms = 0;
  std::uint64_t bytes = 0;
  std::uint64_t age_ns = 0;  // at the moment; since the start for one of how == start
  Origin origin;
  friend bool operator==(const HeldAnonVma&, const HeldAnonVma&) = default;
};

// A vma that is linked to an anon_vma.
struct HoldingVma {
  MmId mm;
  MappedVma vma;
  bool own = false;
  friend bool operator==(const HoldingVma&, const HoldingVma&) = default;
};

// A step of the way from the mm that made an anon_vma to an mm that holds it now.
struct CarryingMm {
  MmLife mm;
  std::size_t depth = 0;      // below the maker
  std::uint64_t fork_ns = 0;  // when the anon_vma came into it; 0 for the maker
  std::uint64_t vmas = 0;     // of it that are linked now
  bool alive = false;
  friend bool operator==(const CarryingMm&, const CarryingMm&) = default;
};

struct AnonVmaLife {
  HeldAnonVma anon_vma;
  std::uint64_t forks = 0;              // that carried it into a child
  std::vector<CarryingMm> carriers;     // those that lead to holders: a tree in order
  std::vector<HoldingVma> holders;      // by mm and address
  std::vector<std::uint64_t> children;  // alive anon_vmas whose parent it is
  friend bool operator==(const AnonVmaLife&, const AnonVmaLife&) = default;
};

// Ancestors without a vma of their own, of one span of ages.
struct AgeSpan {
  std::uint64_t below_ns = 0;  // 0: older than all others, or alive since the start
  std::uint64_t anon_vmas = 0, chain_entries = 0, bytes = 0;
  friend bool operator==(const AgeSpan&, const AgeSpan&) = default;
};

struct Explanation {
  Scene scene;
  MmNames names;
  std::optional<MmLife> of_mm;      // with --mm
  std::vector<HeldAnonVma> of_its;  // all that the mm is linked to, most bytes first
  std::vector<AnonVmaLife> lives;   // in the order asked for
  // These are of the whole moment.
  std::uint64_t anon_vmas = 0, chain_entries = 0, anon_vma_bytes = 0, chain_bytes = 0;
  std::uint64_t without_anon_vma = 0;   // faulted vmas, in designs that do without
  std::vector<AgeSpan> abandoned_ages;  // youngest first
  std::vector<HeldAnonVma> abandoned;   // most bytes first, at most `most`
  std::vector<HoldingVma> deepest;      // longest chain first, at most `most`; `own` says nothing
  friend bool operator==(const Explanation&, const Explanation&) = default;
};

// A question names what is to be explained. Without any of these only the whole moment is.
struct ExplainQuestion {
  std::optional<std::uint64_t> anon_vma;
  std::optional<MmLife> mm;  // alive at the moment: its anon_vmas
  std::size_t largest = 0;   // this many with the most bytes
  std::size_t most = 5;      // lines of each list
};

// Replays the trace twice: to find the objects, and to follow them; once for an anon_vma that the question
// names. An unknown number is a usage error
// that names the largest.
Result<Explanation> explain(const Look& look, const Scene& scene, const ExplainQuestion& question);

}  // namespace anonvma
