// ANON_VMA_LAZY without its leak; see the page at the end.
#include <cassert>
#include <vector>

#include "engine/strategy/avc_chains.h"
#include "engine/strategy/strategy.h"

namespace anonvma {
namespace {

class LazyV1NoLeak final : public Strategy {
 public:
  LazyV1NoLeak(SlabAccount& slab, Layout& layout)
      : Strategy(slab, layout),
        chains_(slab, {.reuse = Reuse::num_children, .order = CloneOrder::reverse}) {}

  bool faulted(VmaId vma) const override {
    return at(vma).state != State::not_lazy || chains_.anon_vma(vma);
  }
  bool same(VmaId a, VmaId b) const override {
    return at(a).state == at(b).state && at(a).target == at(b).target &&
           chains_.anon_vma(a) == chains_.anon_vma(b);
  }
  // Lazy vmas are never singular, as posted: the test counts a chain of one's own.
  bool singular(VmaId vma) const override {
    return at(vma).state == State::not_lazy && chains_.singular(vma);
  }
  // Pages of a lazy vma are looked for in the vmas of its root, or of its parent's anon_vma.
  std::uint64_t rmap_walk_length(VmaId vma) const override {
    const Lazy& lazy = at(vma);
    switch (lazy.state) {
      case State::not_lazy:
        break;
      case State::root:
        return at(VmaId{lazy.target}).refs;
      case State::parent:
        return chains_.links(AnonVmaId{lazy.target});
    }
    return chains_.links(chains_.anon_vma(vma));
  }

  void prepare(VmaId vma) override {
    if (!faulted(vma)) set_root(vma, vma);
  }
  void clone(VmaId dst, VmaId src, CloneOp) override {
    if (at(src).state == State::root) return set_root(dst, VmaId{at(src).target});
    if (at(src).state == State::parent) upgrade(src);
    chains_.clone(dst, src);
  }
  void fork(VmaId child, VmaId parent, VmaId) override {
    if (!faulted(parent)) return;
    if (at(parent).state != State::not_lazy) upgrade(parent);
    if (!chains_.fork(child, parent)) set_parent(child, chains_.anon_vma(parent));
  }
  void unlink(VmaId vma) override {
    drop_lazy(vma);
    chains_.unlink(vma);
  }
  // A root vma goes when no vma points to it any more: at once, or with the last that does.
  void release(VmaId vma) override {
    if (at(vma).refs > 0)
      record(vma).zombie = true;
    else
      free_vma(vma);
  }

 private:
  enum class State : std::uint8_t {
    not_lazy,  // unfaulted, or regular with an anon_vma of its own
    root,      // target is the root vma
    parent,    // target is the parent's anon_vma; the chain lacks an entry of its own
  };
  struct Lazy {
    State state = State::not_lazy;
    bool zombie = false;
    std::uint32_t target = VmaId::kNone;
    std::uint32_t refs = 0;  // vmas, itself included, whose root vma this is
  };

  const Lazy& at(VmaId vma) const {
    static constexpr Lazy kUnseen;
    return vma.v < lazy_.size() ? lazy_[vma.v] : kUnseen;
  }
  Lazy& record(VmaId vma) {
    if (vma.v >= lazy_.size()) lazy_.resize(std::size_t{vma.v} + 1);
    return lazy_[vma.v];
  }

  void set_root(VmaId vma, VmaId root) {
    Lazy& lazy = record(vma);
    lazy.state = State::root;
    lazy.target = root.v;
    ++record(root).refs;
  }
  void set_parent(VmaId vma, AnonVmaId anon_vma) {
    Lazy& lazy = record(vma);
    lazy.state = State::parent;
    lazy.target = anon_vma.v;
    chains_.get(anon_vma);
  }
  void drop_lazy(VmaId vma) {
    const Lazy lazy = at(vma);
    if (lazy.state == State::not_lazy) return;
    record(vma).state = State::not_lazy;
    record(vma).target = VmaId::kNone;
    if (lazy.state == State::parent) {
      slab_.root_lock();
      return chains_.put(AnonVmaId{lazy.target});
    }
    Lazy& root = record(VmaId{lazy.target});
    assert(root.refs > 0);
    if (--root.refs > 0 || !root.zombie) return;
    root.zombie = false;
    free_vma(VmaId{lazy.target});
  }

  // Makes a lazy vma a regular one.
  void upgrade(VmaId vma) {
    const Lazy lazy = at(vma);
    AnonVmaId own = mergeable(vma, lazy);
    if (!own)
      own = lazy.state == State::root ? chains_.new_root()
                                      : chains_.new_child(AnonVmaId{lazy.target});
    chains_.attach(vma, own);
    drop_lazy(vma);
  }
  // A neighbour's anon_vma, the next's before the previous one's. For the child of a fork it must
  // be of the same family.
  AnonVmaId mergeable(VmaId vma, const Lazy& lazy) const {
    const auto fits = [&](VmaId neighbour) {
      const AnonVmaId theirs = chains_.anon_vma(neighbour);
      if (!theirs) return false;
      return lazy.state == State::root ||
             chains_.root(theirs) == chains_.root(AnonVmaId{lazy.target});
    };
    const VmaId next = layout_.next(vma);
    if (next && fits(next) && layout_.compatible(vma, next)) return chains_.anon_vma(next);
    const VmaId prev = layout_.prev(vma);
    if (prev && fits(prev) && layout_.compatible(prev, vma)) return chains_.anon_vma(prev);
    return {};
  }

  AvcChains chains_;
  std::vector<Lazy> lazy_;  // by VmaId
};

}  // namespace

const StrategyPage& page_lazy_v1_noleak() {
  static constexpr StrategyPage page = {
      .idea =
          "ANON_VMA_LAZY, the proposal of May 2026 (version 1): a vma gets no anon_vma before "
          "its first fork. Until then its pages point at the vma itself, or at the root vma it "
          "was split or copied from. At fork the parent's vma is upgraded to a regular one, "
          "while the child only refers to the parent's anon_vma.",
      .price =
          "A root vma that is unmapped while others of its mm still point to it stays as a "
          "zombie vm_area_struct, and lazy vmas with different roots do not merge.",
      .source =
          "A proposal, 15 patches, not merged, on top of the anon_vma code of Linux 7.0 "
          "(reversed chains). Without version 1's leak, where an upgrade that took over a "
          "neighbour's anon_vma kept a reference on its root for ever.",
      .same =
          "Objects, references, upgrades (without the singularity test) and root lock "
          "acquisitions of the patches.",
      .simplified =
          "Lazy vmas merge when their root vma is the same, never by mapping base: the patch "
          "that decides it was not to be had.",
      .ignored = "Folio upgrades; acquisitions of the VMA layer.",
  };
  return page;
}

std::unique_ptr<Strategy> make_lazy_v1_noleak(SlabAccount& slab, Layout& layout, const Parameters&) {
  return std::make_unique<LazyV1NoLeak>(slab, layout);
}

}  // namespace anonvma
