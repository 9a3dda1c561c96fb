#include "engine/strategy/parts/avc_chains.h"

#include <algorithm>
#include <cassert>

namespace anonvma {

AnonVmaId AvcChains::new_place() {
  AnonVmaId id;
  if (free_.empty()) {
    id = AnonVmaId{static_cast<std::uint32_t>(anon_vmas_.size())};
    anon_vmas_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
    const std::uint32_t generation = anon_vmas_[id.v].generation;
    anon_vmas_[id.v] = AnonVma{.generation = generation};
  }
  anon_vmas_[id.v].root = id.v;
  set_parent(id, id);
  return id;
}

void AvcChains::set_parent(AnonVmaId child, AnonVmaId parent) {
  anon_vmas_[child.v].parent = parent.v;
  anon_vmas_[child.v].parent_generation = anon_vmas_[parent.v].generation;
}

AnonVmaId AvcChains::parent(AnonVmaId anon_vma) const {
  const AnonVma& a = anon_vmas_[anon_vma.v];
  return anon_vmas_[a.parent].generation == a.parent_generation ? AnonVmaId{a.parent} : AnonVmaId{};
}

std::vector<std::uint64_t> AvcChains::links_per_anon_vma() const {
  std::vector<std::uint64_t> links;
  for (const AnonVma& a : anon_vmas_)
    if (a.refcount > 0) links.push_back(a.links);
  return links;
}

AnonVmaId AvcChains::new_root() {
  const AnonVmaId id = new_place();
  anon_vmas_[id.v].num_children = 1;  // itself: a root is its own parent
  return id;
}

AnonVmaId AvcChains::new_child(AnonVmaId parent) {
  const AnonVmaId id = new_place();
  const AnonVmaId top = root(parent);
  anon_vmas_[id.v].root = top.v;
  set_parent(id, parent);
  ++anon_vmas_[parent.v].num_children;
  get(top);
  return id;
}

void AvcChains::get(AnonVmaId anon_vma) {
  if (anon_vmas_[anon_vma.v].refcount++ == 0) slab_.alloc(kAnonVma);
}

void AvcChains::put(AnonVmaId anon_vma) {
  AnonVma& a = anon_vmas_[anon_vma.v];
  assert(a.refcount > 0);
  if (--a.refcount > 0) return;
  slab_.free(kAnonVma);
  ++a.generation;
  free_.push_back(anon_vma);
  const AnonVmaId top{a.root};
  if (top == anon_vma) return;
  put(top);  // one level: a root is its own root
  // The root's memory is freed under its own lock: atomic_dec_and_lock().
  if (rules_.locking == Locking::per_entry_and_last_child && !has_descendants(top))
    slab_.root_lock(/*objs=*/0, /*holds=*/1, /*vmas=*/0);
}

void AvcChains::link(AnonVmaId anon_vma) {
  if (anon_vmas_[anon_vma.v].links++ == 0) get(anon_vma);
}

void AvcChains::unlink_one(AnonVmaId anon_vma) {
  AnonVma& a = anon_vmas_[anon_vma.v];
  if (--a.links > 0) return;
  // The counter is zero already only if a snapshot said so.
  if (const AnonVmaId above = parent(anon_vma); above && anon_vmas_[above.v].num_children > 0)
    --anon_vmas_[above.v].num_children;
  put(anon_vma);
}

void AvcChains::attach(VmaId vma, AnonVmaId anon_vma) {
  slab_.alloc(kAnonVmaChain);
  slab_.root_lock();
  own(vma, anon_vma);
}

void AvcChains::own(VmaId vma, AnonVmaId anon_vma) {
  chains_.push(vma, anon_vma);
  chains_.set_anon_vma(vma, anon_vma);
  link(anon_vma);
  ++active_vmas(anon_vma);
}

void AvcChains::part(VmaId vma) {
  const AnonVmaId shared = chains_.anon_vma(vma);
  if (!shared || !singular(vma) || links(shared) < 2) return;
  if (active_vmas(shared) > 0) --active_vmas(shared);
  unlink_one(shared);
  chains_.clear(vma);
  own(vma, new_root());
}

std::span<const AnonVmaId> AvcChains::copy_chain(VmaId dst, VmaId src) {
  const std::span<const AnonVmaId> copy =
      chains_.copy(dst, src, rules_.order == CloneOrder::reverse);
  if (copy.empty()) return copy;
  for (AnonVmaId a : copy) ++anon_vmas_[a.v].links;  // never from zero: `src` is linked
  slab_.alloc(kAnonVmaChain, copy.size());
  switch (rules_.locking) {
    case Locking::per_chain:
    case Locking::per_clone:
      slab_.root_lock(copy.size());
      break;
    case Locking::per_entry:
    case Locking::per_entry_and_last_child:
      slab_.root_lock(1, copy.size());
      break;
  }
  return copy;
}

void AvcChains::clone(VmaId dst, VmaId src) {
  if (copy_chain(dst, src).empty()) return;
  const AnonVmaId own = chains_.anon_vma(src);
  chains_.set_anon_vma(dst, own);
  if (own) ++active_vmas(own);
}

bool AvcChains::fork(VmaId child, VmaId parent) {
  if (copy_chain(child, parent).empty()) return false;
  const AnonVmaId own = reusable(child, chains_.anon_vma(parent));
  if (!own) return false;
  if (rules_.allocation == ForkAllocation::ahead) {
    // The speculative pair is freed again. The peak is that of a pair allocated before the clone.
    for (const CacheIndex cache : {kAnonVma, kAnonVmaChain}) {
      slab_.alloc(cache);
      slab_.free(cache);
    }
  }
  chains_.set_anon_vma(child, own);
  ++active_vmas(own);
  return true;
}

// The first entry that may be reused, in the order of the clone's walk. The copy has that order
// from its oldest entry on, even if the clone reversed the chain. `parents`: the own anon_vma of
// the copied vma.
AnonVmaId AvcChains::reusable(VmaId copy, AnonVmaId parents) const {
  for (const AnonVmaId id : chains_.chain(copy)) {
    const AnonVma& a = anon_vmas_[id.v];
    switch (rules_.reuse) {
      case Reuse::never:
        return {};
      case Reuse::degree:
        if (id != parents && a.num_children < 2) return id;
        break;
      case Reuse::num_children:
        if (a.num_children < 2 && a.num_active_vmas == 0) return id;
        break;
    }
  }
  return {};
}

void AvcChains::unlink(VmaId vma) {
  const std::span<const AnonVmaId> chain = chains_.chain(vma);
  if (chain.empty()) return;
  if (const AnonVmaId own = chains_.anon_vma(vma)) {
    // The counter is zero already only if a snapshot said so.
    std::uint32_t& active = active_vmas(own);
    if (active > 0) --active;
  }
  // Newest first, so that children go before their parents.
  for (std::size_t i = chain.size(); i-- > 0;) unlink_one(chain[i]);
  slab_.free(kAnonVmaChain, chain.size());
  if (rules_.locking == Locking::per_chain)
    slab_.root_lock(chain.size());
  else
    slab_.root_lock(1, chain.size());
  chains_.clear(vma);
}

std::vector<Strategy::ChainLink> AvcChains::links_of(VmaId vma) const {
  std::vector<Strategy::ChainLink> links;
  const std::span<const AnonVmaId> chain = chains_.chain(vma);
  for (std::size_t i = chain.size(); i-- > 0;) {
    const AnonVma& a = anon_vmas_[chain[i].v];
    links.push_back({name(chain[i]), name(AnonVmaId{a.root}), name(a.parent, a.parent_generation),
                     a.num_children, a.num_active_vmas});
  }
  return links;
}

AvcChains::Seeded& AvcChains::seeded(AnonVmaId snapshot_id) {
  Seeded& entry = seeded_[snapshot_id.v];
  if (!entry.id || anon_vmas_[entry.id.v].generation != entry.generation) {
    entry = {.id = new_place()};
    entry.generation = anon_vmas_[entry.id.v].generation;
  }
  return entry;
}

// The anon_vma of a link, made when the snapshot first describes it. An anon_vma that is only named
// as a parent stays a place without an object. One that is named as a root is pinned by its
// descendants.
AnonVmaId AvcChains::describe(const Strategy::SeedLink& link) {
  constexpr std::uint64_t kCap = 1u << 30;  // leaves room to count up
  const AnonVmaId id = seeded(link.anon_vma).id;
  if (seeded(link.anon_vma).described) return id;
  seeded(link.anon_vma).described = true;

  const AnonVmaId parent = link.parent ? seeded(link.parent).id : id;
  AnonVmaId top = link.root ? root(seeded(link.root).id) : id;
  if (anon_vmas_[id.v].refcount > 0) top = id;  // other anon_vmas already have it as root
  set_parent(id, parent);
  AnonVma& a = anon_vmas_[id.v];
  a.root = top.v;
  a.num_children = a.num_active_vmas = 0;
  active_vmas(id) = static_cast<std::uint32_t>(std::min(link.num_active_vmas, kCap));
  a.num_children += static_cast<std::uint32_t>(std::min(link.num_children, kCap));
  if (top != id) get(top);
  return id;
}

void AvcChains::seed(VmaId vma, AnonVmaId anon_vma, std::span<const Strategy::SeedLink> chain) {
  if (!anon_vma || chain.empty() || !chains_.chain(vma).empty()) return;
  AnonVmaId own;
  for (std::size_t i = chain.size(); i-- > 0;) {
    if (!chain[i].anon_vma) continue;
    const AnonVmaId id = describe(chain[i]);
    chains_.push(vma, id);
    link(id);
    slab_.alloc(kAnonVmaChain);
    if (!own || chain[i].anon_vma == anon_vma) own = id;
  }
  chains_.set_anon_vma(vma, own);
}

}  // namespace anonvma
