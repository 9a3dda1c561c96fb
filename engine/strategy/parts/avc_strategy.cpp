#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {
namespace {

class AvcStrategy final : public Strategy {
 public:
  AvcStrategy(SlabAccount& slab, Layout& layout, AvcRules rules, bool seeds)
      : Strategy(slab, layout), chains_(slab, rules), sharing_(rules.sharing), seeds_(seeds) {}

  bool faulted(VmaId vma) const override { return bool{chains_.anon_vma(vma)}; }
  bool same(VmaId a, VmaId b) const override { return chains_.anon_vma(a) == chains_.anon_vma(b); }
  bool singular(VmaId vma) const override { return chains_.singular(vma); }
  std::uint64_t rmap_walk_length(VmaId vma) const override {
    return chains_.links(chains_.anon_vma(vma));
  }
  std::vector<std::uint64_t> vmas_per_anon_vma() const override {
    return chains_.links_per_anon_vma();
  }

  void prepare(VmaId vma) override { prepare_at(vma, vma); }
  void part(VmaId vma) override { chains_.part(vma); }
  void clone(VmaId dst, VmaId src, CloneOp) override { chains_.clone(dst, src); }
  void fork(VmaId child, VmaId parent, VmaId child_prev) override {
    if (!faulted(parent)) return;
    if (const VmaId shared = shares_with(parent, child_prev))
      chains_.clone(child, shared);
    else if (!chains_.fork(child, parent))
      chains_.attach(child, chains_.new_child(chains_.anon_vma(parent)));
  }
  void fork_wiped(VmaId child, VmaId parent) override { prepare_at(child, parent); }
  void unlink(VmaId vma) override { chains_.unlink(vma); }

  bool can_seed() const override { return seeds_; }
  void seed(VmaId vma, AnonVmaId anon_vma, std::span<const SeedLink> chain) override {
    if (seeds_) chains_.seed(vma, anon_vma, chain);
  }

  std::uint64_t anon_vma_name(VmaId vma) const override {
    return chains_.name(chains_.anon_vma(vma));
  }
  std::vector<ChainLink> chain_links(VmaId vma) const override { return chains_.links_of(vma); }

 private:
  // `place` is `vma`, or the vma of the same range whose neighbours count.
  void prepare_at(VmaId vma, VmaId place) {
    if (faulted(vma)) return;
    const AnonVmaId donated = mergeable(place);
    chains_.attach(vma, donated ? donated : chains_.new_root());
  }
  // find_mergeable_anon_vma(): the next neighbour is asked before the previous one. A vma with a
  // longer chain never donates (Linux kernel commit d0e9fe1758f2): the pages of the asking vma
  // would be found through a chain that is not its own.
  AnonVmaId mergeable(VmaId place) const {
    const VmaId next = layout_.next(place);
    if (next && chains_.singular(next) && layout_.compatible(place, next))
      return chains_.anon_vma(next);
    const VmaId prev = layout_.prev(place);
    if (prev && chains_.singular(prev) && layout_.compatible(prev, place))
      return chains_.anon_vma(prev);
    return {};
  }
  // The vma whose chain and anon_vma the child of a fork takes over; none if the child
  // gets its own.
  VmaId shares_with(VmaId parent, VmaId child_prev) const {
    const AnonVmaId own = chains_.anon_vma(parent);
    switch (sharing_) {
      case ForkSharing::nobody:
        break;
      case ForkSharing::parent: {
        const VmaId prev = layout_.prev(parent);
        if (prev && chains_.anon_vma(prev) == own) return parent;
        break;
      }
      case ForkSharing::sibling: {
        const AnonVmaId theirs = child_prev ? chains_.anon_vma(child_prev) : AnonVmaId{};
        if (theirs && chains_.parent(theirs) == own) return child_prev;
        break;
      }
    }
    return {};
  }

  AvcChains chains_;
  ForkSharing sharing_;
  bool seeds_;
};

}  // namespace

std::unique_ptr<Strategy> make_avc_strategy(SlabAccount& slab, Layout& layout, AvcRules rules,
                                            bool seeds) {
  return std::make_unique<AvcStrategy>(slab, layout, rules, seeds);
}

}  // namespace anonvma
