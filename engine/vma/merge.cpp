// The decision and the work of merging. The order of steps is the kernel's: chains are cloned,
// locks are taken, then ranges change.
#include "engine/vma/merge.h"

#include "engine/vma/layer_locks.h"
#include "engine/vma/pages.h"

namespace anonvma {
namespace {

// Removes `vma`, which was merged into `kept`.
void remove_vma(Layer& layer, VmaId vma, VmaId kept) {
  const std::uint64_t pages = layer.pages(layer.at(vma).end - layer.at(vma).start);
  moved(layer, kept, vma, layer.at(vma).pgoff, pages, Watcher::Move::merge);
  if (layer.watcher != nullptr) layer.watcher->emptied(vma);
  layer.strategy.unlink_merged(vma, kept);
  layer.vmas.erase(vma);
  layer.strategy.release(vma);
}

bool is_mergeable_vma(Layer& layer, const Vma& vma, const VmaMerge& range) {
  if (vma.has_close() && !layer.rules.close_may_extend) return false;
  // Anonymous memory has one offset for both.
  if (layer.rules.anon_pgoff && vma.file != 0 && vma.displaced != range.displaced) return false;
  return ((vma.flags ^ range.flags) & ~layer.rules.ignored_by_merge()) == 0 &&
         vma.file == range.file && vma.policy == range.policy && vma.context == range.context &&
         vma.name == range.name;
}

// May `target` be extended over a range with the anon_vma of `range.anon`?
bool is_mergeable_anon_vma(Layer& layer, VmaId target, const VmaMerge& range) {
  const bool target_faulted = layer.faulted(target);
  const bool range_faulted = layer.faulted(range.anon);
  if (!layer.rules.fork_blocks_merge) {
    if (!target_faulted || !range_faulted) return true;
  } else if (!layer.rules.symmetric_merge) {
    if ((!target_faulted || !range_faulted) && target_faulted && layer.strategy.singular(target))
      return true;
  } else {
    if (!target_faulted && range_faulted)
      return !layer.rmap.came_through_fork(range.middle) &&
             !(layer.rules.merge_checks_copied && layer.rmap.came_through_fork(range.copied));
    if (target_faulted && !range_faulted) return layer.strategy.singular(target);
  }
  if (!target_faulted || !range_faulted) return target_faulted == range_faulted;
  return layer.strategy.same(target, range.anon);
}

bool can_vma_merge_left(Layer& layer, VmaId prev, const VmaMerge& range) {
  if (!prev) return false;
  const Vma& p = layer.at(prev);
  return p.end == range.start && is_mergeable_vma(layer, p, range) &&
         p.pgoff + layer.pages(p.end - p.start) == range.pgoff &&
         is_mergeable_anon_vma(layer, prev, range);
}

bool can_vma_merge_right(Layer& layer, VmaId next, const VmaMerge& range) {
  if (!next) return false;
  const Vma& n = layer.at(next);
  return n.start == range.end && is_mergeable_vma(layer, n, range) &&
         n.pgoff == range.pgoff + layer.pages(range.end - range.start) &&
         is_mergeable_anon_vma(layer, next, range);
}

bool are_anon_vmas_compatible(Layer& layer, VmaId prev, VmaId next) {
  return !layer.faulted(prev) || !layer.faulted(next) || layer.strategy.same(prev, next);
}

void dup_anon_vma(Layer& layer, VmaId dst, VmaId src) {
  if (src && dst != src && layer.faulted(src) && !layer.faulted(dst))
    layer.strategy.clone(dst, src, CloneOp::merge);
}

// The range goes into the vma before `middle`, and `next_vma`, if any, as well.
VmaId merge_into_prev(Layer& layer, VmaId middle, VmaId next_vma, const VmaMerge& range) {
  const VmaId target = layer.vmas.prev(middle);
  const bool whole = range.end == layer.at(middle).end;
  std::uint64_t sticky = range.flags | layer.at(target).flags;
  dup_anon_vma(layer, target, layer.faulted(next_vma) ? next_vma : middle);
  if (next_vma || whole)
    lock_layer(layer, {.vma = target, .removed = next_vma ? 2u : 1u});
  else
    lock_layer(layer, {.vma = target, .shrinks = middle});
  if (!whole)
    moved(layer, target, middle, range.pgoff, layer.pages(range.end - range.start),
          Watcher::Move::merge);
  std::uint64_t end = range.end;
  if (next_vma) {
    sticky |= layer.at(next_vma).flags;
    end = layer.at(next_vma).end;
    remove_vma(layer, middle, target);
    remove_vma(layer, next_vma, target);
  } else if (whole) {
    remove_vma(layer, middle, target);
  } else {
    layer.vmas.set_start(middle, range.end, true);
  }
  layer.vmas.set_end(target, end);
  layer.at(target).flags |= sticky & layer.rules.sticky;
  return target;
}

// The range goes into the vma after `middle`. Up to 4.8, if the range is all of `middle`, the next
// vma goes into `middle` instead, which keeps its struct and its chain.
VmaId merge_into_next(Layer& layer, VmaId middle, VmaId next_vma, const VmaMerge& range) {
  const bool whole = range.start == layer.at(middle).start;
  const std::uint64_t sticky = range.flags | layer.at(next_vma).flags;
  const bool keeps_next = !whole || layer.rules.merge_keeps_next;
  const VmaId target = keeps_next ? next_vma : middle;
  const VmaId other = keeps_next ? middle : next_vma;
  dup_anon_vma(layer, target, other);
  if (whole)
    lock_layer(layer, {.vma = target, .removed = 1});
  else
    lock_layer(layer, {.vma = middle, .grows = next_vma});
  if (!whole)
    moved(layer, target, middle, range.pgoff, layer.pages(range.end - range.start),
          Watcher::Move::merge);
  const std::uint64_t end = layer.at(next_vma).end;
  if (whole)
    remove_vma(layer, other, target);
  else
    layer.vmas.set_end(middle, range.start);
  if (keeps_next)
    layer.vmas.set_start(target, range.start, true);
  else
    layer.vmas.set_end(target, end);
  layer.at(target).policy = range.policy;
  layer.at(target).context = range.context;
  layer.at(target).name = range.name;
  layer.at(target).flags |= sticky & layer.rules.sticky;
  return target;
}

}  // namespace

VmaMerge VmaMerge::like(const Vma& vma) {
  return {.start = vma.start,
          .end = vma.end,
          .flags = vma.flags,
          .pgoff = vma.pgoff,
          .file = vma.file,
          .policy = vma.policy,
          .context = vma.context,
          .name = vma.name,
          .displaced = vma.displaced};
}

VmaId vma_merge_new_range(Layer& layer, Mm& mm, VmaTable::Neighbours neighbours,
                          const VmaMerge& range, bool extend_only) {
  const auto [prev, next] = neighbours;
  if (range.flags & kVmSpecial) return {};
  bool left = false;
  bool right = false;
  if (layer.rules.map_next_first && !range.anon && !range.copied && !extend_only) {
    right = can_vma_merge_right(layer, next, range);
    VmaMerge judged = range;
    if (right) judged.anon = next;  // prev is compared with the anon_vma of next
    left = can_vma_merge_left(layer, prev, judged);
    if (left && right && !are_anon_vmas_compatible(layer, prev, next)) left = false;
  } else {
    left = can_vma_merge_left(layer, prev, range);
    right = !extend_only && can_vma_merge_right(layer, next, range) &&
            (!left || are_anon_vmas_compatible(layer, prev, next));
  }
  if (left && right && layer.at(next).has_close()) right = false;
  mm.rule = left && right ? "new range joins prev and next"
            : left        ? "new range extends prev"
            : right       ? "new range extends next"
                          : "new range merges with neither side";
  if (!left && !right) return {};

  const VmaId copied = layer.rules.merge_checks_copied ? range.copied : VmaId{};
  const VmaId target = left ? prev : next;
  if (left && right) dup_anon_vma(layer, prev, next);
  dup_anon_vma(layer, target, copied);
  lock_layer(layer, {.vma = target, .removed = left && right ? 1u : 0u, .start_moves = !left});
  std::uint64_t sticky = range.flags;
  if (left && right) {
    sticky |= layer.at(next).flags;
    const std::uint64_t end = layer.at(next).end;
    remove_vma(layer, next, prev);
    layer.vmas.set_end(prev, end);
  } else if (left) {
    layer.vmas.set_end(prev, range.end);
  } else {
    layer.at(next).pgoff = range.pgoff;
    layer.vmas.set_start(next, range.start, false);
  }
  layer.at(target).flags |= sticky & layer.rules.sticky;
  return target;
}

VmaId vma_merge_existing_range(Layer& layer, Mm& mm, const VmaMerge& range) {
  const VmaId middle = range.middle;
  const bool at_start = range.start == layer.at(middle).start;
  const bool at_end = range.end == layer.at(middle).end;
  if ((range.flags & kVmSpecial) || (!at_start && !at_end)) return {};
  const VmaId prev_vma = at_start ? layer.vmas.prev(middle) : VmaId{};
  const VmaId next_vma = at_end ? layer.vmas.next(middle) : VmaId{};
  const bool left = can_vma_merge_left(layer, prev_vma, range);
  bool right = can_vma_merge_right(layer, next_vma, range) &&
               (!left || are_anon_vmas_compatible(layer, prev_vma, next_vma));
  if (!left && !right) return {};
  const bool whole = at_start && at_end;
  if (whole && layer.at(middle).has_close()) return {};
  if (left && right && layer.at(next_vma).has_close()) right = false;
  mm.rule = left && right ? "changed range joins prev and next"
            : left        ? "changed range goes into prev"
                          : "changed range goes into next";
  if (left) return merge_into_prev(layer, middle, right ? next_vma : VmaId{}, range);
  return merge_into_next(layer, middle, next_vma, range);
}

}  // namespace anonvma
