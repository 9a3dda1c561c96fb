// ANON_VMA_LAZY; the page describes it and the limits of this model.
#include "engine/strategy/parts/lazy.h"

#include <array>
#include <cassert>
#include <vector>

#include "engine/strategy/parts/avc_chains.h"

namespace anonvma {

namespace {
constexpr std::array<std::string_view, 3> kMergeValues{"never", "base", "unfaulted"};
constexpr std::array<std::string_view, 2> kForkValues{"any", "never"};
constexpr std::array kParameters{
    Parameter{"merge", kMergeValues,
              "what a lazy vma merges with: with those of its root vma alone (never), also with "
              "lazy ones of another root where the bases of the mappings agree, which those of "
              "neighbours that fit otherwise do (base), or also with unfaulted ones, as a vma does "
              "that no fork made (unfaulted)"},
    Parameter{"fork", kForkValues,
              "which processes are lazy: any, or those that never forked, the rest being done as "
              "by Linux 7.0"},
};

}  // namespace

StrategyPage lazy_page(std::string_view source) {
  return {
      .idea =
          "ANON_VMA_LAZY, the proposal of May 2026 (version 1): a vma gets no anon_vma before "
          "its first fork. Until then its pages point at the vma itself, or at the root vma it "
          "was split or copied from. At fork the parent's vma is upgraded to a regular one, "
          "while the child only refers to the parent's anon_vma.",
      .price =
          "A root vma that is unmapped while others of its mm still point to it stays as a "
          "zombie vm_area_struct. A lazy vma does not merge with an unfaulted one (every brk "
          "after a fault makes a new vma), nor with a lazy one that has another root, unless "
          "the patch on merging changes that (merge=).",
      .source = source,
      .same =
          "Objects, references, upgrades (without the singularity test) and root lock "
          "acquisitions of the patches.",
      .simplified =
          "The patches on merging and on mremap were not to be had. merge=never is the series "
          "without the former: lazy vmas are the same when their root vma is, or the parent's "
          "anon_vma. merge=base is the optimistic reading: the root of the vma that stays is "
          "kept, that of the other becomes a zombie if anything still points to it, and walks "
          "lose the pages that do. merge=unfaulted lets a root vma merge with an unfaulted one, "
          "which patch 10 alone rules out, as an empty chain is not singular: of the three it fits "
          "the published numbers (vm_area_struct +1.0 and +0.2 %), and walks lose nothing. "
          "A moved vma keeps its root. fork=never is no patch either: vmas that are lazy at the "
          "first fork are upgraded by it, those it does not copy stay lazy; the child, and a "
          "parent whose fork failed, count as never forked, so that their new vmas are lazy; so "
          "does what forked before the trace began. Pages of an upgraded vma are taken to be "
          "moved to its anon_vma at once. Around changes of its range the VMA layer takes a "
          "lock only for a vma that has an anon_vma of its own.",
      .ignored = "What the upgrade of folios costs.",
      .parameters = kParameters,
      .basis = "version 1 as posted in May 2026, not merged (rejected in review)",
      .counters = Counters::two,
  };
}

namespace {

struct LazyRules {
  bool leaks_roots = false;
  bool merges_by_base = false;    // lazy vmas of different roots may merge
  bool merges_unfaulted = false;  // a lazy vma that no fork made merges with unfaulted ones
  bool until_fork = false;        // an mm that has forked follows the rules of Linux 7.0
};

class Lazy final : public Strategy {
 public:
  Lazy(SlabAccount& slab, Layout& layout, LazyRules rules)
      : Strategy(slab, layout),
        rules_(rules),
        chains_(slab, {.reuse = Reuse::num_children, .order = CloneOrder::reverse}) {}

  bool faulted(VmaId vma) const override {
    return at(vma).state != State::not_lazy || chains_.anon_vma(vma);
  }
  bool same(VmaId a, VmaId b) const override {
    if (at(a).state != at(b).state) return false;
    if (at(a).target == at(b).target) return chains_.anon_vma(a) == chains_.anon_vma(b);
    return rules_.merges_by_base && at(a).state == State::root && same_base(a, b);
  }
  // By patch 10 lazy vmas are never singular: the test counts the vma's own chain.
  bool singular(VmaId vma) const override {
    if (at(vma).state == State::root) return rules_.merges_unfaulted;
    return at(vma).state == State::not_lazy && chains_.singular(vma);
  }
  // The lock is in the vma's own anon_vma.
  bool locked_by_vma_layer(VmaId vma) const override { return bool{chains_.anon_vma(vma)}; }

  void prepare(VmaId vma) override {
    if (faulted(vma)) return;
    if (!rules_.until_fork || !has_forked(layout_.view(vma).mm)) return set_root(vma, vma);
    const AnonVmaId donated = mergeable([&](VmaId n) { return chains_.singular(n); }, vma);
    chains_.attach(vma, donated ? donated : chains_.new_root());
  }
  void part(VmaId vma) override { chains_.part(vma); }
  void clone(VmaId dst, VmaId src, CloneOp) override {
    if (at(src).state == State::root) return set_root(dst, VmaId{at(src).target});
    if (at(src).state == State::parent) upgrade(src);
    chains_.clone(dst, src);
  }
  void fork(VmaId child, VmaId parent, VmaId) override {
    if (!faulted(parent)) return;
    if (at(parent).state != State::not_lazy) upgrade(parent);
    const bool reused = chains_.fork(child, parent);
    if (rules_.until_fork) return finish_regular(child, parent, reused);
    if (!reused) set_parent(child, chains_.anon_vma(parent));
  }
  void unlink(VmaId vma) override {
    drop_lazy(vma);
    chains_.unlink(vma);
  }
  // A root vma is freed when no vma points to it any more: at once, or when the last such vma goes.
  void release(VmaId vma) override {
    if (at(vma).refs == 0) return free_vma(vma);
    record(vma).zombie = true;
    const MmSlot mm = layout_.view(vma).mm;
    if (mm.v >= zombies_.size()) zombies_.resize(std::size_t{mm.v} + 1);
    ++zombies_[mm.v];
  }

  void mm_init(MmSlot mm) override { set_forked(mm, false); }
  void mm_forked(MmSlot, MmSlot parent) override { set_forked(parent, true); }

  void add_mm_objs(MmSlot mm, std::span<std::uint64_t, kAllCaches> objs) const override {
    if (mm.v < zombies_.size()) objs[kVmAreaStruct] += zombies_[mm.v];
  }

  // A walk for pages of a lazy vma visits the vmas of its root, or of its parent's anon_vma.
  std::uint64_t rmap_walk_length(VmaId vma) const override {
    const Record& r = at(vma);
    switch (r.state) {
      case State::not_lazy:
        break;
      case State::root:
        return at(VmaId{r.target}).refs;
      case State::parent:
        return chains_.links(AnonVmaId{r.target});
    }
    return chains_.links(chains_.anon_vma(vma));
  }
  std::vector<std::uint64_t> vmas_per_anon_vma() const override {
    return chains_.links_per_anon_vma();
  }
  std::uint64_t rmap_target(VmaId vma) const override {
    const Record& r = at(vma);
    switch (r.state) {
      case State::not_lazy:
        break;
      case State::root:
        return root_name(VmaId{r.target});
      case State::parent:
        return chains_.name(AnonVmaId{r.target});
    }
    return anon_vma_name(vma);
  }
  bool moves_pages() const override { return true; }
  bool reaches(std::uint64_t target, VmaId vma) const override {
    if (target & kRootName) return at(vma).state == State::root && rmap_target(vma) == target;
    return Strategy::reaches(target, vma);  // a lazy child's chain has its parent's anon_vma
  }

  std::uint64_t anon_vma_name(VmaId vma) const override {
    return chains_.name(chains_.anon_vma(vma));
  }
  std::vector<ChainLink> chain_links(VmaId vma) const override { return chains_.links_of(vma); }

 private:
  enum class State : std::uint8_t {
    not_lazy,  // unfaulted, or regular with an anon_vma of its own
    root,      // target is the root vma
    parent,    // target is the parent's anon_vma; the chain lacks an entry of its own
  };
  struct Record {
    State state = State::not_lazy;
    bool zombie = false;
    std::uint32_t target = VmaId::kNone;
    std::uint32_t refs = 0;        // vmas, itself included, whose root vma this is
    std::uint32_t generation = 0;  // number of times refs came to 0: tells one root from the next
  };
  static_assert(sizeof(Record) == 16);
  static constexpr std::uint64_t kRootName = 1ull << 63;  // no anon_vma has a name that large

  std::uint64_t root_name(VmaId root) const {
    return kRootName | std::uint64_t{at(root).generation} << 32 | (root.v + 1);
  }
  const Record& at(VmaId vma) const {
    static constexpr Record kUnseen;
    return vma.v < records_.size() ? records_[vma.v] : kUnseen;
  }
  Record& record(VmaId vma) {
    if (vma.v >= records_.size()) records_.resize(std::size_t{vma.v} + 1);
    return records_[vma.v];
  }
  bool has_forked(MmSlot mm) const { return mm.v < forked_.size() && forked_[mm.v]; }
  void set_forked(MmSlot mm, bool forked) {
    if (mm.v >= forked_.size()) forked_.resize(std::size_t{mm.v} + 1);
    forked_[mm.v] = forked;
  }

  // True if page 0 of both mappings would be at the same address.
  bool same_base(VmaId a, VmaId b) const {
    const VmaView of_a = layout_.view(a), of_b = layout_.view(b);
    return of_a.mm == of_b.mm && of_a.start - of_a.pgoff == of_b.start - of_b.pgoff;
  }

  void set_root(VmaId vma, VmaId root) {
    Record& r = record(vma);
    r.state = State::root;
    r.target = root.v;
    ++record(root).refs;
  }
  void set_parent(VmaId vma, AnonVmaId anon_vma) {
    Record& r = record(vma);
    r.state = State::parent;
    r.target = anon_vma.v;
    chains_.get(anon_vma);
  }
  void drop_lazy(VmaId vma) {
    const Record old = at(vma);
    if (old.state == State::not_lazy) return;
    record(vma).state = State::not_lazy;
    record(vma).target = VmaId::kNone;
    if (old.state == State::parent) {
      slab_.root_lock();
      return chains_.put(AnonVmaId{old.target});
    }
    Record& root = record(VmaId{old.target});
    assert(root.refs > 0);
    if (--root.refs > 0) return;
    ++root.generation;
    if (!root.zombie) return;
    root.zombie = false;
    --zombies_[layout_.view(VmaId{old.target}).mm.v];
    free_vma(VmaId{old.target});
  }

  // Linux 7.0 allocates an anon_vma and its link before the clone, and frees them if it finds one
  // to reuse. The speculative pair is counted after the clone instead of before it. Totals and peak
  // are the same.
  void finish_regular(VmaId child, VmaId parent, bool reused) {
    if (!reused) return chains_.attach(child, chains_.new_child(chains_.anon_vma(parent)));
    for (const CacheIndex cache : {kAnonVma, kAnonVmaChain}) {
      slab_.alloc(cache);
      slab_.free(cache);
    }
  }

  // Makes a lazy vma a regular one.
  void upgrade(VmaId vma) {
    const Record lazy = at(vma);
    AnonVmaId own = mergeable([](VmaId) { return true; }, vma);
    // find_mergeable_anon_vma() chooses before the roots are compared: if the next vma's anon_vma
    // is of another family, the previous vma's is not tried.
    if (own && lazy.state == State::parent &&
        chains_.root(own) != chains_.root(AnonVmaId{lazy.target}))
      own = AnonVmaId{};
    if (!own)
      own = lazy.state == State::root ? chains_.new_root()
                                      : chains_.new_child(AnonVmaId{lazy.target});
    else if (rules_.leaks_roots && chains_.root(own) != own)
      chains_.get(chains_.root(own));  // as posted: there is no put
    chains_.attach(vma, own);
    drop_lazy(vma);
  }
  // The anon_vma of the first regular neighbour that `fits`: the next vma is asked before the
  // previous one.
  template <class Fits>
  AnonVmaId mergeable(const Fits& fits, VmaId vma) const {
    const auto donates = [&](VmaId n) { return n && chains_.anon_vma(n) && fits(n); };
    const VmaId next = layout_.next(vma);
    if (donates(next) && layout_.compatible(vma, next)) return chains_.anon_vma(next);
    const VmaId prev = layout_.prev(vma);
    if (donates(prev) && layout_.compatible(prev, vma)) return chains_.anon_vma(prev);
    return {};
  }

  LazyRules rules_;
  AvcChains chains_;
  std::vector<Record> records_;         // by VmaId
  std::vector<bool> forked_;            // by MmSlot: has been the parent of a fork
  std::vector<std::uint64_t> zombies_;  // by MmSlot
};

}  // namespace

std::unique_ptr<Strategy> make_lazy(SlabAccount& slab, Layout& layout, const Parameters& parameters,
                                    RootLeak leak) {
  const StrategyPage page = lazy_page({});
  const std::string_view merge = parameter(parameters, page, "merge");
  return std::make_unique<Lazy>(
      slab, layout,
      LazyRules{.leaks_roots = leak == RootLeak::as_posted,
                .merges_by_base = merge == "base",
                .merges_unfaulted = merge == "unfaulted",
                .until_fork = parameter(parameters, page, "fork") == "never"});
}

}  // namespace anonvma
