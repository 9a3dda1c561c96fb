// A made-up design that shows the cost of adding one: this file and one line.
#include <vector>

#include "engine/strategy/page.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

const StrategyPage& page_root_only() {
  static constexpr StrategyPage page = {
      .idea = "One anon_vma per fork tree, one chain entry per vma.",
      .price = "The rmap walk visits every vma of the tree.",
      .source = "Made up for a test.",
      .same = "Nothing.",
      .simplified = "Everything.",
      .ignored = "The rest.",
  };
  return page;
}

namespace {

class RootOnly final : public Strategy {
 public:
  using Strategy::Strategy;

  bool faulted(VmaId vma) const override { return bool{root(vma)}; }
  bool same(VmaId a, VmaId b) const override { return root(a) == root(b); }
  bool singular(VmaId vma) const override { return faulted(vma); }
  std::uint64_t rmap_walk_length(VmaId vma) const override {
    return faulted(vma) ? vmas_of_[root(vma).v] : 0;
  }
  void prepare(VmaId vma) override {
    slab_.alloc(kAnonVma);
    vmas_of_.push_back(0);
    link(vma, AnonVmaId{static_cast<std::uint32_t>(vmas_of_.size() - 1)});
  }
  void clone(VmaId dst, VmaId src, CloneOp) override {
    if (faulted(src)) link(dst, root(src));
  }
  void fork(VmaId child, VmaId parent, VmaId) override { clone(child, parent, CloneOp::split); }
  void unlink(VmaId vma) override {
    if (!faulted(vma)) return;
    slab_.free(kAnonVmaChain);
    if (--vmas_of_[root(vma).v] == 0) slab_.free(kAnonVma);
    root_of_[vma.v] = {};
  }

 private:
  AnonVmaId root(VmaId vma) const {
    return vma.v < root_of_.size() ? root_of_[vma.v] : AnonVmaId{};
  }
  void link(VmaId vma, AnonVmaId root) {
    slab_.alloc(kAnonVmaChain);
    if (vma.v >= root_of_.size()) root_of_.resize(std::size_t{vma.v} + 1);
    root_of_[vma.v] = root;
    ++vmas_of_[root.v];
  }

  std::vector<AnonVmaId> root_of_;
  std::vector<std::uint32_t> vmas_of_;
};

}  // namespace

std::unique_ptr<Strategy> make_root_only(SlabAccount& slab, Layout& layout, const Parameters&) {
  return std::make_unique<RootOnly>(slab, layout);
}

}  // namespace anonvma
