// No reverse map at all.
#include <vector>

#include "engine/strategy/page.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

const StrategyPage& page_noswap() {
  static constexpr StrategyPage page = {
      .idea =
          "A kernel without swap has no reason to look for the mappers of an anonymous page, so "
          "it needs no anon_vma. A vma only remembers that a private page was written. This is "
          "the lower bound of what any design can allocate, not a design to choose.",
      .price =
          "Nothing can find the mappers of an anonymous page: no KSM, no migration or compaction, "
          "no splitting of huge pages, no recovery from memory failure.",
      .source =
          "An idea of January 2010 on the linux-mm list (a worry of Minchan Kim's, an offer of "
          "Rik van Riel's), never written. Every real kernel with CONFIG_SWAP=n still allocates "
          "anon_vmas.",
      .same = "Nothing: there is no code to be the same as.",
      .simplified =
          "To the VMA layer all written vmas have one anon_vma and never came through a fork, so "
          "that they merge with each other where real kernels refuse: there may be fewer vmas, "
          "too. A walk for a page of a written vma counts as one vma, the one it "
          "was written in; there is no list that a walk could follow.",
      .ignored = "What another way to find the mappers of a page would cost.",
      .basis = "an idea of 2010, never written: a lower bound",
  };
  return page;
}

namespace {

class NoSwap final : public Strategy {
 public:
  using Strategy::Strategy;

  bool faulted(VmaId vma) const override { return vma.v < written_.size() && written_[vma.v]; }
  bool same(VmaId a, VmaId b) const override { return faulted(a) == faulted(b); }
  bool singular(VmaId vma) const override { return faulted(vma); }
  bool locked_by_vma_layer(VmaId) const override { return false; }

  void prepare(VmaId vma) override { mark(vma, true); }
  void clone(VmaId dst, VmaId src, CloneOp) override {
    if (faulted(src)) mark(dst, true);
  }
  void fork(VmaId child, VmaId parent, VmaId) override { clone(child, parent, CloneOp::split); }
  void unlink(VmaId vma) override {
    if (faulted(vma)) mark(vma, false);
  }

  std::uint64_t rmap_walk_length(VmaId vma) const override { return faulted(vma) ? 1 : 0; }

 private:
  void mark(VmaId vma, bool written) {
    if (vma.v >= written_.size()) written_.resize(std::size_t{vma.v} + 1);
    written_[vma.v] = written;
  }

  std::vector<bool> written_;  // by VmaId: a private page was written
};

}  // namespace

std::unique_ptr<Strategy> make_noswap(SlabAccount& slab, Layout& layout, const Parameters&) {
  return std::make_unique<NoSwap>(slab, layout);
}

}  // namespace anonvma
