#include "engine/strategy/avc_strategy.h"

namespace anonvma {
namespace {

class AvcStrategy final : public Strategy {
 public:
  AvcStrategy(SlabAccount& slab, Layout& layout, AvcRules rules, bool seeds)
      : Strategy(slab, layout), chains_(slab, rules), seeds_(seeds) {}

  bool faulted(VmaId vma) const override { return bool{chains_.anon_vma(vma)}; }
  bool same(VmaId a, VmaId b) const override { return chains_.anon_vma(a) == chains_.anon_vma(b); }
  bool singular(VmaId vma) const override { return chains_.singular(vma); }
  std::uint64_t rmap_walk_length(VmaId vma) const override {
    return chains_.links(chains_.anon_vma(vma));
  }

  void prepare(VmaId vma) override {
    if (faulted(vma)) return;
    const AnonVmaId donated = mergeable(vma);
    chains_.attach(vma, donated ? donated : chains_.new_root());
  }
  void clone(VmaId dst, VmaId src, CloneOp) override { chains_.clone(dst, src); }
  void fork(VmaId child, VmaId parent, VmaId) override {
    if (!faulted(parent)) return;
    if (!chains_.fork(child, parent))
      chains_.attach(child, chains_.new_child(chains_.anon_vma(parent)));
  }
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
  // find_mergeable_anon_vma(): the next neighbour is asked before the previous one. A vma with a
  // longer chain never donates (Linux kernel commit d0e9fe1758f2): the pages of the asking vma
  // would be found through a chain that is not its own.
  AnonVmaId mergeable(VmaId vma) const {
    const VmaId next = layout_.next(vma);
    if (next && chains_.singular(next) && layout_.compatible(vma, next))
      return chains_.anon_vma(next);
    const VmaId prev = layout_.prev(vma);
    if (prev && chains_.singular(prev) && layout_.compatible(prev, vma))
      return chains_.anon_vma(prev);
    return {};
  }

  AvcChains chains_;
  bool seeds_;
};

}  // namespace

std::unique_ptr<Strategy> make_avc_strategy(SlabAccount& slab, Layout& layout, AvcRules rules,
                                            bool seeds) {
  return std::make_unique<AvcStrategy>(slab, layout, rules, seeds);
}

}  // namespace anonvma
