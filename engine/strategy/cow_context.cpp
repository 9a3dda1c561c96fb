// Contexts of whole processes instead of anon_vmas.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "engine/strategy/page.h"
#include "engine/strategy/parts/cow_forest.h"
#include "engine/strategy/parts/remap_tree.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

const StrategyPage& page_cow_context() {
  static constexpr std::array<std::string_view, 2> kValues{"ideal", "prototype"};
  static constexpr std::array<Parameter, 2> kParameters{{
      {"remaps", kValues,
       "ideal: the fewest entries that tell where every vma has its pages; prototype: those that "
       "the prototype makes and leaves behind"},
      {"merge", kValues,
       "ideal: a faulted and an unfaulted vma merge; prototype: they never do, because an empty "
       "chain passes for that of a fork"},
  }};
  static constexpr StrategyPage page = {
      .idea =
          "CoW contexts, presented at LSF/MM/BPF 2026: no anon_vma and no chains. One context "
          "per mm, linked to that of the mm it was forked from; a page points at the context "
          "of the mm that made it, and a walk goes down from there and looks the page up by its "
          "pgoff, which is its address unless a vma was moved. For those that were, and for "
          "private file mappings with pages of their own, a tree per context maps pgoff to "
          "address.",
      .price =
          "A context for every mm, whether or not it ever shares a page, and one for every dead "
          "ancestor of a living mm: a line of n generations keeps n. A walk visits every mm "
          "below, also those that never had the page. The tree costs its nodes, and an array "
          "where one pgoff is mapped at two addresses or more.",
      .source =
          "A moving prototype by Lorenzo Stoakes, read and never run: mm/cow_context.c at "
          "a4ac19665445, its callers in mm/rmap.c and mm/mremap.c at d91a1a12c587, mm/vma.c at "
          "d2a01aae3d44, mm/mmap.c and kernel/fork.c at 1be9d553f4be. These commits differ among "
          "themselves, and the result draws no verdict on the design.",
      .same =
          "Life and links of the contexts (kmalloc-96), and the lock of the parent's list around "
          "linking and unlinking one. Capacities of arrays (2, 4, 8 and so on) and their kmalloc "
          "sizes. A vma is remembered when it is faulted and its address is not its pgoff: moved "
          "by mremap (or by exec, as the stack is), or a private file mapping. With "
          "remaps=prototype: the first write to a private file mapping adds its whole range, and "
          "a fork adds the range of the parent's once more, which turns its value into an array "
          "of one; a fork adds the ranges of the child; a moved vma that did not merge replaces "
          "its old offset in the whole of every entry it touches, or is added; a part that moves "
          "is looked for under the offset of the part's pgoff to the source's start. Arrays "
          "double before it is looked at whether the offset is there. A vma moved back to where "
          "it came from adds nothing and removes nothing: the test for a moved vma comes before "
          "the removal. Anonymous faults, splits, merges, munmap and exit change no entry: the "
          "tree goes with its context.",
      .simplified =
          "A context is let go at exit_mmap, while the prototype waits for the mm_struct. Nodes "
          "of the tree are the fewest a maple tree can have: leaves of 16 entries and gaps, "
          "under nodes of 10. Objects of the tree are counted at the end of an operation, as the "
          "difference. An array of more than 4096 bytes counts as several of that size. "
          "remaps=ideal: entries are the longest ranges of pgoff with one set of offsets over "
          "the faulted vmas of the living mm. A walk counts one vma per living mm below the "
          "context, which may be more than have the page, or fewer where an mm maps it twice. "
          "remaps=prototype: two errors of the prototype are taken as they were meant, an offset "
          "put into the middle of an array (which overwrites another) and the freeing of arrays "
          "above pgoff 2^32 (which are forgotten). MREMAP_DONTUNMAP leaves the source unfaulted, "
          "as it does in Linux, where the prototype leaves it marked. Who calls its function for "
          "vmas whose range changes was not to be seen: taken as nobody. A system that is "
          "already running is taken over with contexts that have no parents, and without what "
          "was forked and moved before.",
      .ignored =
          "Moving pages that are no longer shared to the context below, reference counts of "
          "walks, RCU delays.",
      .parameters = kParameters,
      .basis = "prototype mm/cow_context.c at a4ac19665445, read and never run, no verdict",
  };
  return page;
}

namespace {

constexpr CacheIndex array_cache(std::size_t size) {
  return static_cast<CacheIndex>(kCowRemapArray + size);
}

class CowContext final : public Strategy {
 public:
  struct Choice {
    bool ideal_remaps = true, ideal_merge = true;
  };
  CowContext(SlabAccount& slab, Layout& layout, Choice choice)
      : Strategy(slab, layout), choice_(choice) {}

  bool faulted(VmaId vma) const override {
    return vma.v < records_.size() && records_[vma.v].faulted;
  }
  bool same(VmaId a, VmaId b) const override { return faulted(a) == faulted(b); }
  // No chain can have exactly one entry: the prototype treats every faulted vma like one that came
  // through a fork.
  bool singular(VmaId vma) const override { return choice_.ideal_merge && faulted(vma); }
  bool locked_by_vma_layer(VmaId) const override { return false; }

  void prepare(VmaId vma) override {
    if (faulted(vma)) return;
    mark(vma);
    if (choice_.ideal_remaps) return changed(vma);
    if (!layout_.view(vma).anonymous) append(vma);
  }
  void clone(VmaId dst, VmaId src, CloneOp op) override {
    if (!faulted(src)) return;
    mark(dst);
    if (choice_.ideal_remaps) return changed(dst);
    if (op != CloneOp::remap) return;
    const Place place = place_of(dst);
    if (place.offset == 0) return;
    const auto old_offset = static_cast<std::int64_t>(layout_.view(src).start - place.range.first);
    const ContextId context = context_of(dst);
    if (!context) return;
    if (!contexts_[context.v].tree.replace(place.range, old_offset, place.offset)) append(dst);
  }
  void fork(VmaId child, VmaId parent, VmaId) override {
    if (!faulted(parent)) return;
    mark(child);
    if (choice_.ideal_remaps) return changed(child);
    append(child);
    if (!layout_.view(parent).anonymous) append(parent);
  }
  void unlink(VmaId vma) override {
    if (!faulted(vma)) return;
    if (choice_.ideal_remaps) changed(vma);
    records_[vma.v].faulted = false;
    if (const ContextId context = context_of(vma)) --contexts_[context.v].faulted_vmas;
  }
  // A damaged trace may have a fault after exit has unlinked the vma.
  void release(VmaId vma) override {
    unlink(vma);
    free_vma(vma);
  }
  void resized(VmaId vma) override {
    if (choice_.ideal_remaps && faulted(vma)) changed(vma);
  }

  void mm_init(MmSlot mm) override {
    slab_.alloc(kCowContext);
    const ContextId made = forest_.make();
    if (made.v >= contexts_.size()) contexts_.resize(std::size_t{made.v} + 1);
    if (mm.v >= of_mm_.size()) of_mm_.resize(std::size_t{mm.v} + 1);
    of_mm_[mm.v] = made;
  }
  void mm_forked(MmSlot child, MmSlot parent) override {
    slab_.root_lock(1, 1, 0);
    forest_.link(of_mm_[child.v], of_mm_[parent.v]);
  }
  void mm_exit(MmSlot mm) override {
    settle();  // none of its vmas is left
    for (const ContextId gone : forest_.drop_mm(std::exchange(of_mm_[mm.v], ContextId{}))) {
      if (forest_.parent(gone)) slab_.root_lock(1, 1, 0);
      contexts_[gone.v].tree.clear();
      account(gone);
      contexts_[gone.v] = {};
      slab_.free(kCowContext);
    }
  }
  void settle() override {
    if (dirty_.empty()) return;
    settle_trees();
  }

  // Upper bound: counts one vma per live mm in the subtree, whether or not it maps the page.
  std::uint64_t rmap_walk_length(VmaId vma) const override {
    const ContextId context = faulted(vma) ? context_of(vma) : ContextId{};
    return context ? forest_.mms_below(context) : 0;
  }
  std::vector<std::uint64_t> vmas_per_anon_vma() const override {
    std::vector<std::uint64_t> vmas;
    for (std::uint32_t c = 0; c < contexts_.size(); ++c)
      if (forest_.alive(ContextId{c})) vmas.push_back(contexts_[c].faulted_vmas);
    return vmas;
  }
  std::uint64_t rmap_target(VmaId vma) const override {
    const ContextId context = faulted(vma) ? context_of(vma) : ContextId{};
    return context ? forest_.name(context) : 0;
  }
  bool reaches(std::uint64_t target, VmaId vma) const override {
    const ContextId context = faulted(vma) ? context_of(vma) : ContextId{};
    return context && forest_.descends(context, target);
  }
  void add_mm_objs(MmSlot mm, std::span<std::uint64_t, kAllCaches> objs) const override {
    if (mm.v >= of_mm_.size() || !of_mm_[mm.v]) return;
    const RemapUse& use = contexts_[of_mm_[mm.v].v].accounted;
    ++objs[kCowContext];
    objs[kMapleNode] += use.nodes;
    for (std::size_t i = 0; i < use.arrays.size(); ++i) objs[array_cache(i)] += use.arrays[i];
  }
  std::uint64_t remap_entries() const override { return entries_; }

 private:
  struct Context {
    RemapTree tree;
    RemapUse accounted;  // the size of the tree in the slab account
    std::uint64_t faulted_vmas = 0;
    bool dirty = false;  // it is in dirty_
  };
  // The place of a vma's pages. A vma with offset 0 needs no record.
  struct Place {
    RemapTree::Range range;
    std::int64_t offset = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };
  struct Record {
    ContextId context;  // of the mm in which the vma was faulted
    bool faulted = false;
    bool pending = false;  // it is in pending_
    Place in_tree;         // its entry in the tree of `holder`; ideal remaps only
    ContextId holder;
  };

  ContextId context_of(VmaId vma) const { return records_[vma.v].context; }
  void mark(VmaId vma) {
    if (vma.v >= records_.size()) records_.resize(std::size_t{vma.v} + 1);
    Record& record = records_[vma.v];
    if (record.faulted) return;
    const MmSlot mm = layout_.view(vma).mm;
    record.faulted = true;
    record.context = mm.v < of_mm_.size() ? of_mm_[mm.v] : ContextId{};
    if (record.context) ++contexts_[record.context.v].faulted_vmas;
  }
  Place place_of(VmaId vma) const {
    const VmaView view = layout_.view(vma);
    if (view.pages == 0 || view.start == view.pgoff) return {};
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - view.pgoff;
    return {{view.pgoff, view.pgoff + std::min(view.pages - 1, room)},
            static_cast<std::int64_t>(view.start - view.pgoff)};
  }
  void touch(ContextId context) {
    if (!context || std::exchange(contexts_[context.v].dirty, true)) return;
    dirty_.push_back(context);
  }

  // prototype: adds the range of `vma`.
  void append(VmaId vma) {
    const Place place = place_of(vma);
    const ContextId context = context_of(vma);
    if (place.offset == 0 || !context) return;
    contexts_[context.v].tree.append(place.range, place.offset);
    touch(context);
  }

  // ideal: `vma` may have another place from now on, or none. Its id may be reused before the
  // tree is updated.
  void changed(VmaId vma) {
    Record& record = records_[vma.v];
    if (record.pending || (!record.holder && place_of(vma).offset == 0)) return;
    record.pending = true;
    pending_.push_back(vma);
    touch(record.holder);
    touch(record.context);
  }
  void settle_trees() {
    for (const VmaId vma : pending_) {
      Record& record = records_[vma.v];
      const Place place = record.faulted ? place_of(vma) : Place{};
      if (record.holder && (record.holder != record.context || record.in_tree != place)) {
        contexts_[record.holder.v].tree.remove(record.in_tree.range, record.in_tree.offset);
        record.holder = {};
      }
      record.in_tree = place;
    }
    // Additions wait until all old places are removed: a vma may be where another one was.
    for (const VmaId vma : pending_) {
      Record& record = records_[vma.v];
      record.pending = false;
      if (record.holder || record.in_tree.offset == 0 || !record.context) continue;
      record.holder = record.context;
      contexts_[record.holder.v].tree.add(record.in_tree.range, record.in_tree.offset);
      touch(record.holder);
    }
    pending_.clear();
    for (const ContextId context : dirty_) {
      contexts_[context.v].dirty = false;
      account(context);
    }
    dirty_.clear();
  }

  void account(ContextId id) {
    Context& context = contexts_[id.v];
    slab_.worked(context.tree.take_steps());
    const RemapUse before = std::exchange(context.accounted, context.tree.use());
    const RemapUse& now = context.accounted;
    entries_ = entries_ - before.entries + now.entries;
    account(kMapleNode, before.nodes, now.nodes);
    for (std::size_t i = 0; i < now.arrays.size(); ++i)
      account(array_cache(i), before.arrays[i], now.arrays[i]);
  }
  void account(CacheIndex cache, std::uint64_t before, std::uint64_t now) {
    if (now > before) slab_.alloc(cache, now - before);
    if (now < before) slab_.free(cache, before - now);
  }

  Choice choice_;
  CowForest forest_;
  std::vector<Context> contexts_;  // by ContextId
  std::vector<ContextId> of_mm_;   // by MmSlot
  std::vector<Record> records_;    // by VmaId
  std::vector<VmaId> pending_;
  std::vector<ContextId> dirty_;  // not empty while pending_ is not
  std::uint64_t entries_ = 0;
};

}  // namespace

std::unique_ptr<Strategy> make_cow_context(SlabAccount& slab, Layout& layout,
                                           const Parameters& parameters) {
  const auto ideal = [&](std::string_view key) {
    return parameter(parameters, page_cow_context(), key) == "ideal";
  };
  return std::make_unique<CowContext>(
      slab, layout,
      CowContext::Choice{.ideal_remaps = ideal("remaps"), .ideal_merge = ideal("merge")});
}

}  // namespace anonvma
