// The design before chains.
#include <cassert>
#include <vector>

#include "engine/strategy/page.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

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
          "Objects, the neighbours that share (next before previous, never one with a "
          "vm_ops->close hook), and the acquisitions of anon_vma->lock around linking, merging "
          "and unlinking.",
      .simplified = "A lock is a number.",
      .ignored = "References by KSM (2.6.33).",
  };
  return page;
}

namespace {

class Legacy final : public Strategy {
 public:
  using Strategy::Strategy;

  bool faulted(VmaId vma) const override { return bool{anon_vma(vma)}; }
  bool same(VmaId a, VmaId b) const override { return anon_vma(a) == anon_vma(b); }
  bool singular(VmaId vma) const override { return faulted(vma); }
  std::uint64_t rmap_walk_length(VmaId vma) const override {
    const AnonVmaId own = anon_vma(vma);
    return own ? anon_vmas_[own.v].vmas : 0;
  }
  std::vector<std::uint64_t> vmas_per_anon_vma() const override {
    std::vector<std::uint64_t> vmas;
    for (const AnonVma& a : anon_vmas_)
      if (a.vmas > 0) vmas.push_back(a.vmas);
    return vmas;
  }
  std::uint64_t anon_vma_name(VmaId vma) const override {
    const AnonVmaId own = anon_vma(vma);
    return own ? std::uint64_t{anon_vmas_[own.v].generation} << 32 | (own.v + 1) : 0;
  }
  bool reaches(std::uint64_t target, VmaId vma) const override {
    return target != 0 && target == anon_vma_name(vma);
  }

  void prepare(VmaId vma) override { prepare_at(vma, vma); }
  void part(VmaId vma) override {
    const AnonVmaId shared = anon_vma(vma);
    if (!shared || anon_vmas_[shared.v].vmas < 2) return;
    --anon_vmas_[shared.v].vmas;
    link(vma, make_anon_vma());
  }
  void fork_wiped(VmaId child, VmaId parent) override { prepare_at(child, parent); }
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
    AnonVma& a = anon_vmas_[own.v];
    assert(a.vmas > 0);
    if (--a.vmas > 0) return;
    slab_.free(kAnonVma);
    ++a.generation;
    free_.push_back(own);
  }
  void unlink_merged(VmaId removed, VmaId kept) override {
    if (faulted(removed))
      unlink(removed);
    else if (faulted(kept))
      slab_.root_lock();
  }

 private:
  struct AnonVma {
    std::uint32_t vmas = 0;        // number of vmas linked to it; 0: no object
    std::uint32_t generation = 0;  // number of frees of this place
  };

  AnonVmaId anon_vma(VmaId vma) const {
    return vma.v < anon_vma_of_.size() ? anon_vma_of_[vma.v] : AnonVmaId{};
  }
  // `place` is `vma`, or the vma of the same range whose neighbours count.
  void prepare_at(VmaId vma, VmaId place) {
    if (faulted(vma)) return;
    const AnonVmaId donated = mergeable(place);
    link(vma, donated ? donated : make_anon_vma());
    slab_.root_lock();
  }
  // The next neighbour is asked before the previous one. Its history does not matter; it must only
  // have no hook that a merge would leave out.
  AnonVmaId mergeable(VmaId place) const {
    const VmaId next = layout_.next(place);
    if (next && donates(next) && layout_.compatible(place, next)) return anon_vma(next);
    const VmaId prev = layout_.prev(place);
    if (prev && donates(prev) && layout_.compatible(prev, place)) return anon_vma(prev);
    return {};
  }
  bool donates(VmaId vma) const { return faulted(vma) && !layout_.view(vma).has_close; }
  AnonVmaId make_anon_vma() {
    slab_.alloc(kAnonVma);
    if (free_.empty()) {
      anon_vmas_.emplace_back();
      return AnonVmaId{static_cast<std::uint32_t>(anon_vmas_.size() - 1)};
    }
    const AnonVmaId id = free_.back();
    free_.pop_back();
    return id;
  }
  void link(VmaId vma, AnonVmaId own) {
    if (vma.v >= anon_vma_of_.size()) anon_vma_of_.resize(std::size_t{vma.v} + 1);
    anon_vma_of_[vma.v] = own;
    ++anon_vmas_[own.v].vmas;
  }

  std::vector<AnonVmaId> anon_vma_of_;  // by VmaId
  std::vector<AnonVma> anon_vmas_;      // by AnonVmaId
  std::vector<AnonVmaId> free_;
};

}  // namespace

std::unique_ptr<Strategy> make_legacy(SlabAccount& slab, Layout& layout, const Parameters&) {
  return std::make_unique<Legacy>(slab, layout);
}

}  // namespace anonvma
