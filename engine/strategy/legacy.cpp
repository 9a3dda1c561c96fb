// The design before chains; see the page at the end.
#include <cassert>
#include <vector>

#include "engine/strategy/strategy.h"

namespace anonvma {
namespace {

class Legacy final : public Strategy {
 public:
  using Strategy::Strategy;

  bool faulted(VmaId vma) const override { return bool{anon_vma(vma)}; }
  bool same(VmaId a, VmaId b) const override { return anon_vma(a) == anon_vma(b); }
  bool singular(VmaId vma) const override { return faulted(vma); }
  std::uint64_t rmap_walk_length(VmaId vma) const override {
    const AnonVmaId own = anon_vma(vma);
    return own ? vmas_of_[own.v] : 0;
  }

  void prepare(VmaId vma) override {
    if (faulted(vma)) return;
    const AnonVmaId donated = mergeable(vma);
    link(vma, donated ? donated : make_anon_vma());
    slab_.root_lock();
  }
  void clone(VmaId dst, VmaId src, CloneOp op) override {
    const AnonVmaId own = anon_vma(src);
    if (!own) return;
    link(dst, own);
    // vma_adjust() locks once for both halves of a merge: unlink_merged() counts it.
    if (op != CloneOp::merge) slab_.root_lock();
  }
  void fork(VmaId child, VmaId parent, VmaId) override { clone(child, parent, CloneOp::split); }

  void unlink(VmaId vma) override {
    const AnonVmaId own = anon_vma(vma);
    if (!own) return;
    slab_.root_lock();
    anon_vma_of_[vma.v] = AnonVmaId{};
    assert(vmas_of_[own.v] > 0);
    if (--vmas_of_[own.v] > 0) return;
    slab_.free(kAnonVma);
    free_.push_back(own);
  }
  void unlink_merged(VmaId removed, VmaId kept) override {
    if (faulted(removed))
      unlink(removed);
    else if (faulted(kept))
      slab_.root_lock();
  }

 private:
  AnonVmaId anon_vma(VmaId vma) const {
    return vma.v < anon_vma_of_.size() ? anon_vma_of_[vma.v] : AnonVmaId{};
  }
  // The next neighbour is asked before the previous one. What it went through does not matter.
  AnonVmaId mergeable(VmaId vma) const {
    const VmaId next = layout_.next(vma);
    if (next && faulted(next) && layout_.compatible(vma, next)) return anon_vma(next);
    const VmaId prev = layout_.prev(vma);
    if (prev && faulted(prev) && layout_.compatible(prev, vma)) return anon_vma(prev);
    return {};
  }
  AnonVmaId make_anon_vma() {
    slab_.alloc(kAnonVma);
    if (free_.empty()) {
      vmas_of_.push_back(0);
      return AnonVmaId{static_cast<std::uint32_t>(vmas_of_.size() - 1)};
    }
    const AnonVmaId id = free_.back();
    free_.pop_back();
    return id;
  }
  void link(VmaId vma, AnonVmaId own) {
    if (vma.v >= anon_vma_of_.size()) anon_vma_of_.resize(std::size_t{vma.v} + 1);
    anon_vma_of_[vma.v] = own;
    ++vmas_of_[own.v];
  }

  std::vector<AnonVmaId> anon_vma_of_;  // by VmaId
  std::vector<std::uint32_t> vmas_of_;  // by AnonVmaId
  std::vector<AnonVmaId> free_;
};

}  // namespace

const StrategyPage& page_legacy() {
  static constexpr StrategyPage page = {
      .idea =
          "One anon_vma per fork family and sharing run, and no chains: split, copied and "
          "forked vmas join the anon_vma of the vma they came from. Nothing is allocated at "
          "fork.",
      .price =
          "The rmap walk visits every vma of the family for every page: a server with a "
          "thousand children walks a thousand vmas to unmap one page. That is why Linux 2.6.34 "
          "left it.",
      .source =
          "Linux up to 2.6.33 (object-based rmap of 2.6.7, as read in 2.6.32). It gave way to "
          "Linux kernel commit 5beb49305251 \"mm: change anon_vma linking to fix multi-process "
          "server scalability issue\".",
      .same =
          "Objects, and the acquisitions of anon_vma->lock around linking, merging and "
          "unlinking.",
      .simplified =
          "A vm_ops->close hook must block sharing, which the VMA layer's sharing test does not "
          "ask for.",
      .ignored = "References by KSM (2.6.33); acquisitions of the VMA layer.",
  };
  return page;
}

std::unique_ptr<Strategy> make_legacy(SlabAccount& slab, Layout& layout, const Parameters&) {
  return std::make_unique<Legacy>(slab, layout);
}

}  // namespace anonvma
