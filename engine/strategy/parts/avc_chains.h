// The part that all designs with anon_vma_chain objects share: the objects, their counters, and the
// effect of the steps of mm/rmap.c on them. A strategy owns an AvcChains and decides; AvcChains
// accounts.
//
// P is faulted, P's process forks C, and C's process forks G. `C --> A, B` means that C has an
// anon_vma_chain to A and one to B:
//
//   prepare(P)    fork(C, P)       fork(G, C)
//
//   P --> A       P --> A          P --> A
//                 C --> A, B       C --> A, B
//                                  G --> A, B, D
//
//   vma->anon_vma: P has A, C has B, G has D. Parents: D -> B -> A; A is the root of all three.
//
// When C is unlinked, B has one child (D) and no active vma, so under Reuse::num_children a fork
// from G reuses B. Counters only steer reuse. The reference count keeps an anon_vma alive: one
// reference while any chain links to it, and on a root one for each descendant.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/ids.h"
#include "engine/slab/slab_account.h"
#include "engine/strategy/parts/chain_table.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

// The rule by which a forked child takes over an ancestor's anon_vma.
enum class Reuse : std::uint8_t {
  never,
  degree,        // not the parent's own; children plus active vmas below two
  num_children,  // less than two children and no active vma
};
// The anon_vma that a forked child shares. Sharing is tried first: a child that shares reuses
// nothing, and nothing is allocated ahead for it.
enum class ForkSharing : std::uint8_t {
  nobody,
  parent,   // the parent's, if the vma before the parent's has the same one
  sibling,  // the one of the vma copied before it, if it is a child of the parent's
};
// The order of a cloned chain, which is also the order in which entries are tried for reuse.
enum class CloneOrder : std::uint8_t {
  keep,     // walks from the oldest entry
  reverse,  // walks from the newest, adding each at the head: the copy is reversed
};
// The moment at which the anon_vma of a forked child and its chain entry are allocated.
enum class ForkAllocation : std::uint8_t {
  when_needed,
  ahead,  // before reuse is tried; freed again if that succeeds
};
// The number of times that the lock of a family is taken for a chain of several entries.
enum class Locking : std::uint8_t {
  per_chain,                 // once in a clone, once in an unlink
  per_clone,                 // once in a clone, for each entry in an unlink
  per_entry,                 // for each entry in both
  per_entry_and_last_child,  // and once more when a root loses its last descendant
};
struct AvcRules {
  Reuse reuse = Reuse::never;
  ForkSharing sharing = ForkSharing::nobody;
  CloneOrder order = CloneOrder::keep;
  ForkAllocation allocation = ForkAllocation::when_needed;
  Locking locking = Locking::per_chain;
};

class AvcChains {
 public:
  AvcChains(SlabAccount& slab, AvcRules rules) : slab_(slab), rules_(rules) {}

  AnonVmaId anon_vma(VmaId vma) const { return chains_.anon_vma(vma); }
  bool singular(VmaId vma) const { return chains_.chain(vma).size() == 1; }
  AnonVmaId root(AnonVmaId anon_vma) const { return AnonVmaId{anon_vmas_[anon_vma.v].root}; }
  // None if the parent is dead. A root is its own parent.
  AnonVmaId parent(AnonVmaId anon_vma) const;
  // The number of vmas linked to `anon_vma`; 0 for none.
  std::uint64_t links(AnonVmaId anon_vma) const {
    return anon_vma ? anon_vmas_[anon_vma.v].links : 0;
  }
  // See Strategy::vmas_per_anon_vma().
  std::vector<std::uint64_t> links_per_anon_vma() const;

  // A new anon_vma, to be attached at once: until then it is no object.
  AnonVmaId new_root();
  AnonVmaId new_child(AnonVmaId parent);

  // Links `vma`, which has no anon_vma, to `anon_vma` and sets its own anon_vma.
  void attach(VmaId vma, AnonVmaId anon_vma);
  // If the only entry of the chain of `vma` is to an anon_vma of others, a new root takes its place.
  void part(VmaId vma);
  // Makes `dst` equal to `src`: one more active vma of the same anon_vma.
  void clone(VmaId dst, VmaId src);
  // Copies the chain of `parent` and tries to reuse one of its anon_vmas. False if none can be
  // reused: `child` then has no anon_vma yet.
  bool fork(VmaId child, VmaId parent);
  void unlink(VmaId vma);

  // Takes a reference for a holder other than chains and descendants.
  void get(AnonVmaId anon_vma);
  void put(AnonVmaId anon_vma);

  // See Strategy::anon_vma_name() and chain_links().
  std::uint64_t name(AnonVmaId anon_vma) const {
    return anon_vma ? name(anon_vma.v, anon_vmas_[anon_vma.v].generation) : 0;
  }
  std::vector<Strategy::ChainLink> links_of(VmaId vma) const;

  // See Strategy::seed(). Nothing in a snapshot is trusted: roots are made their own roots,
  // counters are capped, repeated descriptions ignored.
  void seed(VmaId vma, AnonVmaId anon_vma, std::span<const Strategy::SeedLink> chain);

 private:
  struct AnonVma {
    std::uint32_t root = 0;
    std::uint32_t parent = 0;
    std::uint32_t parent_generation = 0;
    std::uint32_t generation = 0;    // number of frees of this place: detects a dead parent
    std::uint32_t refcount = 0;      // 0: no object
    std::uint32_t links = 0;         // chains that contain it
    std::uint32_t num_children = 0;  // with itself, for a root; see active_vmas()
    std::uint32_t num_active_vmas = 0;
  };
  static_assert(sizeof(AnonVma) == 32);
  struct Seeded {
    AnonVmaId id;
    std::uint32_t generation = 0;
    bool described = false;  // named by a link, not only as root or parent
  };

  static std::uint64_t name(std::uint32_t place, std::uint32_t generation) {
    return std::uint64_t{generation} << 32 | (place + 1);
  }
  // Kernels with `degree` count active vmas and children together. num_children is that counter
  // then, as in their snapshots.
  std::uint32_t& active_vmas(AnonVmaId anon_vma) {
    AnonVma& a = anon_vmas_[anon_vma.v];
    return rules_.reuse == Reuse::degree ? a.num_children : a.num_active_vmas;
  }
  bool has_descendants(AnonVmaId root) const {
    const AnonVma& a = anon_vmas_[root.v];
    return a.refcount > (a.links > 0 ? 1u : 0u);
  }
  AnonVmaId new_place();
  std::span<const AnonVmaId> copy_chain(VmaId dst, VmaId src);
  // Adds `anon_vma` to the chain of `vma` as the vma's own.
  void own(VmaId vma, AnonVmaId anon_vma);
  void link(AnonVmaId anon_vma);
  void unlink_one(AnonVmaId anon_vma);
  void set_parent(AnonVmaId child, AnonVmaId parent);
  AnonVmaId reusable(VmaId copy, AnonVmaId parents) const;
  Seeded& seeded(AnonVmaId snapshot_id);
  AnonVmaId describe(const Strategy::SeedLink& link);

  SlabAccount& slab_;
  AvcRules rules_;
  ChainTable chains_;
  std::vector<AnonVma> anon_vmas_;
  std::vector<AnonVmaId> free_;
  std::unordered_map<std::uint32_t, Seeded> seeded_;  // by snapshot id; used at the start only
};

}  // namespace anonvma
