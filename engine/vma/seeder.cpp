#include "engine/vma/seeder.h"

#include <algorithm>

namespace anonvma {

void Seeder::begin(bool anew) {
  anew_ = anew;
  ++set_;
  seen_.clear();
  for (Node& node : nodes_) node = {.parent = node.parent, .stand_in = {}, .built = false};
}

AnonVmaId Seeder::dense(AnonVmaId id) {
  if (!id) return {};
  Name& name = dense_[id.v];
  if (name.set == 0 || (anew_ && name.set != set_)) {
    name.dense = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  }
  name.set = set_;
  return AnonVmaId{name.dense};
}

void Seeder::add(VmaId vma, AnonVmaId anon_vma, const std::vector<SnapChain>& chain) {
  if (!anon_vma) return;
  Seen seen{vma, dense(anon_vma).v, {}};
  for (const SnapChain& link : chain) {
    const AnonVmaId id = dense(link.anon_vma);
    if (!id) continue;
    const AnonVmaId parent = dense(link.parent);
    if (parent && parent != id) nodes_[id.v].parent = parent.v;
    seen.chain.push_back({id, dense(link.root), parent, link.num_children, link.num_active_vmas});
  }
  Node& node = nodes_[seen.anon_vma];
  if (!node.stand_in) node.stand_in = vma;
  seen_.push_back(std::move(seen));
}

// Builds `node` and its missing ancestors, oldest first. Only a damaged file can hold a cycle,
// which is cut at a node that was visited before.
void Seeder::stand_for(std::uint32_t node, const std::function<VmaId()>& phantom,
                       const std::function<bool(VmaId)>& about, std::vector<VmaId>& phantoms) {
  std::vector<std::uint32_t> path;
  for (std::uint32_t n = node; n != kNone && !nodes_[n].built; n = nodes_[n].parent) {
    nodes_[n].built = true;
    path.push_back(n);
  }
  std::reverse(path.begin(), path.end());
  for (const std::uint32_t n : path) {
    Node& current = nodes_[n];
    if (!current.stand_in) phantoms.push_back(current.stand_in = phantom());
    const VmaId parent = current.parent != kNone ? nodes_[current.parent].stand_in : VmaId{};
    if (strategy_.faulted(current.stand_in)) continue;
    if (!about(current.stand_in)) return;
    if (parent && strategy_.faulted(parent))
      strategy_.fork(current.stand_in, parent, {});
    else
      strategy_.prepare(current.stand_in);
  }
}

// Computes the counters. A root is its own parent, and so is counted as its own child.
void Seeder::count() {
  std::vector<std::uint64_t> active(nodes_.size()), children(nodes_.size());
  std::vector<bool> visited(nodes_.size());
  for (const Seen& seen : seen_) {
    ++active[seen.anon_vma];
    for (const Strategy::SeedLink& link : seen.chain) {
      if (visited[link.anon_vma.v]) continue;
      visited[link.anon_vma.v] = true;
      if (link.parent) ++children[link.parent.v];
    }
  }
  for (Seen& seen : seen_)
    for (Strategy::SeedLink& link : seen.chain) {
      link.num_active_vmas = active[link.anon_vma.v];
      link.num_children = children[link.anon_vma.v];
    }
}

// Computes the counters of roots that were never forked: they belong to one mm, and all its vmas
// are known. The kernel's counters are of another moment: faults go on during a walk, and an munmap
// may have removed vmas from the tree without having unlinked them yet.
void Seeder::count_unshared() {
  std::vector<std::uint64_t> active(nodes_.size());
  for (const Seen& seen : seen_) ++active[seen.anon_vma];
  for (Seen& seen : seen_)
    for (Strategy::SeedLink& link : seen.chain)
      if (link.parent == link.anon_vma && link.num_children == 1 && active[link.anon_vma.v] > 0)
        link.num_active_vmas = active[link.anon_vma.v];
}

std::vector<VmaId> Seeder::build(const std::function<VmaId()>& phantom,
                                 const std::function<bool(VmaId)>& about) {
  std::vector<VmaId> phantoms;
  if (strategy_.can_seed()) {
    if (counts_)
      count();
    else
      count_unshared();
    for (const Seen& seen : seen_) {
      if (!about(seen.vma)) return phantoms;
      strategy_.seed(seen.vma, AnonVmaId{seen.anon_vma}, seen.chain);
    }
    return phantoms;
  }
  for (const Seen& seen : seen_) {
    stand_for(seen.anon_vma, phantom, about, phantoms);
    const VmaId source = nodes_[seen.anon_vma].stand_in;
    if (!about(seen.vma)) return phantoms;
    if (!strategy_.faulted(seen.vma)) strategy_.clone(seen.vma, source, CloneOp::split);
  }
  return phantoms;
}

}  // namespace anonvma
