// The table of vmas, and merging: vma_merge_new_range(), vma_merge_existing_range() of mm/vma.c,
// vma_merge() of mm/mmap.c before.
#include "engine/vma/address_spaces.h"

namespace anonvma {

VmaId AddressSpaces::prev(VmaId id) const {
  const Vma& vma = at(id);
  const VmaList& list = mms_[vma.mm].list;
  const std::size_t i = list.find(vma.start);
  return i > 0 ? list[i - 1] : VmaId{};
}

VmaId AddressSpaces::next(VmaId id) const {
  const Vma& vma = at(id);
  const VmaList& list = mms_[vma.mm].list;
  const std::size_t i = list.find(vma.end);
  return i < list.size() ? list[i] : VmaId{};
}

bool AddressSpaces::compatible(VmaId lower, VmaId upper) const {
  const Vma& a = at(lower);
  const Vma& b = at(upper);
  return a.end == b.start && a.file == b.file &&
         ((a.flags ^ b.flags) & ~rules_.ignored_by_sharing()) == 0 &&
         b.pgoff == a.pgoff + pages(b.start - a.start) && a.policy == b.policy &&
         (!rules_.anon_pgoff || a.file == 0 || a.displaced == b.displaced);
}

VmaView AddressSpaces::view(VmaId id) const {
  const Vma& vma = at(id);
  return {.mm = MmSlot{vma.mm},
          .start = pages(vma.start),
          .pages = pages(vma.end - vma.start),
          .pgoff = vma.pgoff,
          .file = vma.file,
          .anonymous = vma.anonymous(),
          .has_close = vma.has_close()};
}

void AddressSpaces::recycle(VmaId vma) { free_vmas_.push_back(vma.v); }

VmaId AddressSpaces::find_vma(Mm& mm, std::uint64_t addr) {
  if (mm.last) {
    const Vma& last = at(mm.last);
    if (last.start <= addr && addr < last.end) return mm.last;
  }
  const std::size_t i = mm.list.find(addr);
  if (i == mm.list.size() || at(mm.list[i]).start > addr) return {};
  return mm.last = mm.list[i];
}

VmaId AddressSpaces::alloc_vma(const Vma& attributes) {
  slab_.alloc(kVmAreaStruct);
  if (free_vmas_.empty()) {
    table_.push_back(attributes);
    return VmaId{static_cast<std::uint32_t>(table_.size() - 1)};
  }
  const VmaId id{free_vmas_.back()};
  free_vmas_.pop_back();
  at(id) = attributes;
  return id;
}

void AddressSpaces::insert_vma(Mm& mm, VmaId vma) {
  const Vma& v = at(vma);
  const std::size_t i = mm.list.find(v.start);
  slab_.worked(mm.list.distance(i) / kMovesPerStep);
  mm.list.insert(i, v.end, vma);
}

// `kept` is the vma that took this one's range over, none when it is unmapped.
void AddressSpaces::remove_vma(Mm& mm, VmaId vma, VmaId kept) {
  if (mm.last == vma) mm.last = {};
  if (kept) {
    moved(kept, vma, at(vma).pgoff, pages(at(vma).end - at(vma).start), Watcher::Move::merge);
    if (watcher_ != nullptr) watcher_->emptied(vma);
    strategy_->unlink_merged(vma, kept);
  } else {
    unlink(vma);
  }
  const std::size_t i = mm.list.find(at(vma).start);
  slab_.worked(mm.list.distance(i) / kMovesPerStep);
  mm.list.erase(i);
  strategy_->release(vma);
}

void AddressSpaces::set_start(VmaId id, std::uint64_t start, bool with_pgoff) {
  Vma& vma = at(id);
  if (with_pgoff) vma.pgoff += pages(start) - pages(vma.start);
  vma.start = start;
  strategy_->resized(id);
}

void AddressSpaces::set_end(Mm& mm, VmaId id, std::uint64_t end) {
  Vma& vma = at(id);
  mm.list.set_end(mm.list.find(vma.start), end);
  vma.end = end;
  strategy_->resized(id);
}

bool AddressSpaces::attributes_match(const Vma& vma, const Proposal& range) const {
  if (vma.has_close() && !rules_.close_may_extend) return false;
  // Anonymous memory has one offset for both.
  if (rules_.anon_pgoff && vma.file != 0 && vma.displaced != range.displaced) return false;
  return ((vma.flags ^ range.flags) & ~rules_.ignored_by_merge()) == 0 && vma.file == range.file &&
         vma.policy == range.policy && vma.context == range.context;
}

// May `target` be extended over a range with the anon_vma of `range.anon`?
bool AddressSpaces::anon_vma_ok(VmaId target, const Proposal& range) const {
  const bool target_faulted = faulted(target);
  const bool range_faulted = faulted(range.anon);
  if (!rules_.fork_blocks_merge) {
    if (!target_faulted || !range_faulted) return true;
  } else if (!rules_.symmetric_merge) {
    if ((!target_faulted || !range_faulted) && target_faulted && strategy_->singular(target))
      return true;
  } else {
    if (!target_faulted && range_faulted)
      return !came_through_fork(range.middle) &&
             !(rules_.merge_checks_copied && came_through_fork(range.copied));
    if (target_faulted && !range_faulted) return strategy_->singular(target);
  }
  if (!target_faulted || !range_faulted) return target_faulted == range_faulted;
  return strategy_->same(target, range.anon);
}

bool AddressSpaces::can_merge_left(VmaId prev, const Proposal& range) const {
  if (!prev) return false;
  const Vma& p = at(prev);
  return p.end == range.start && attributes_match(p, range) &&
         p.pgoff + pages(p.end - p.start) == range.pgoff && anon_vma_ok(prev, range);
}

bool AddressSpaces::can_merge_right(VmaId next, const Proposal& range) const {
  if (!next) return false;
  const Vma& n = at(next);
  return n.start == range.end && attributes_match(n, range) &&
         n.pgoff == range.pgoff + pages(range.end - range.start) && anon_vma_ok(next, range);
}

bool AddressSpaces::neighbours_ok(VmaId prev, VmaId next) const {
  return !faulted(prev) || !faulted(next) || strategy_->same(prev, next);
}

void AddressSpaces::dup_anon_vma(VmaId dst, VmaId src) {
  if (src && dst != src && faulted(src) && !faulted(dst))
    strategy_->clone(dst, src, CloneOp::merge);
}

// A new range between `prev` and `next`: extends one of them, joins both, or gives none.
VmaId AddressSpaces::merge_new(Mm& mm, VmaId prev, VmaId next, const Proposal& range,
                               bool extend_only) {
  if (range.flags & kVmSpecial) return {};
  bool left = false;
  bool right = false;
  if (rules_.map_next_first && !range.anon && !range.copied && !extend_only) {
    right = can_merge_right(next, range);
    Proposal judged = range;
    if (right) judged.anon = next;  // prev is held against the anon_vma of next
    left = can_merge_left(prev, judged);
    if (left && right && !neighbours_ok(prev, next)) left = false;
  } else {
    left = can_merge_left(prev, range);
    right = !extend_only && can_merge_right(next, range) && (!left || neighbours_ok(prev, next));
  }
  if (left && right && at(next).has_close()) right = false;
  mm.rule = left && right ? "new range joins prev and next"
            : left        ? "new range extends prev"
            : right       ? "new range extends next"
                          : "new range merges with neither side";
  if (!left && !right) return {};

  const VmaId copied = rules_.merge_checks_copied ? range.copied : VmaId{};
  const VmaId target = left ? prev : next;
  if (left && right) dup_anon_vma(prev, next);
  dup_anon_vma(target, copied);
  lock_layer({.vma = target, .removed = left && right ? 1u : 0u, .start_moves = !left});
  std::uint64_t sticky = range.flags;
  if (left && right) {
    sticky |= at(next).flags;
    const std::uint64_t end = at(next).end;
    remove_vma(mm, next, prev);
    set_end(mm, prev, end);
  } else if (left) {
    set_end(mm, prev, range.end);
  } else {
    at(next).pgoff = range.pgoff;
    set_start(next, range.start, false);
  }
  at(target).flags |= sticky & rules_.sticky;
  return target;
}

// [range.start, range.end) of `middle` gets new flags: may it become part of a neighbour?
VmaId AddressSpaces::merge_existing(Mm& mm, VmaId middle, const Proposal& range) {
  const bool at_start = range.start == at(middle).start;
  const bool at_end = range.end == at(middle).end;
  if ((range.flags & kVmSpecial) || (!at_start && !at_end)) return {};
  const VmaId prev_vma = at_start ? prev(middle) : VmaId{};
  const VmaId next_vma = at_end ? next(middle) : VmaId{};
  const bool left = can_merge_left(prev_vma, range);
  bool right = can_merge_right(next_vma, range) && (!left || neighbours_ok(prev_vma, next_vma));
  if (!left && !right) return {};
  const bool whole = at_start && at_end;
  if (whole && at(middle).has_close()) return {};
  if (left && right && at(next_vma).has_close()) right = false;
  mm.rule = left && right ? "changed range joins prev and next"
            : left        ? "changed range goes into prev"
                          : "changed range goes into next";
  if (left) return merge_left(mm, middle, right ? next_vma : VmaId{}, range);
  return merge_right(mm, middle, next_vma, range);
}

// The range goes into the vma before `middle`, and `next_vma`, if any, as well.
VmaId AddressSpaces::merge_left(Mm& mm, VmaId middle, VmaId next_vma, const Proposal& range) {
  const VmaId target = prev(middle);
  const bool whole = range.end == at(middle).end;
  std::uint64_t sticky = range.flags | at(target).flags;
  dup_anon_vma(target, faulted(next_vma) ? next_vma : middle);
  if (next_vma || whole)
    lock_layer({.vma = target, .removed = next_vma ? 2u : 1u});
  else
    lock_layer({.vma = target, .shrinks = middle});
  if (!whole)
    moved(target, middle, range.pgoff, pages(range.end - range.start), Watcher::Move::merge);
  std::uint64_t end = range.end;
  if (next_vma) {
    sticky |= at(next_vma).flags;
    end = at(next_vma).end;
    remove_vma(mm, middle, target);
    remove_vma(mm, next_vma, target);
  } else if (whole) {
    remove_vma(mm, middle, target);
  } else {
    set_start(middle, range.end, true);
  }
  set_end(mm, target, end);
  at(target).flags |= sticky & rules_.sticky;
  return target;
}

// The range goes into the vma after `middle`. Up to 4.8 it was the other way round when that was
// all of `middle`, which then kept its struct and its chain.
VmaId AddressSpaces::merge_right(Mm& mm, VmaId middle, VmaId next_vma, const Proposal& range) {
  const bool whole = range.start == at(middle).start;
  const std::uint64_t sticky = range.flags | at(next_vma).flags;
  const bool keeps_next = !whole || rules_.merge_keeps_next;
  const VmaId target = keeps_next ? next_vma : middle;
  const VmaId other = keeps_next ? middle : next_vma;
  dup_anon_vma(target, other);
  if (whole)
    lock_layer({.vma = target, .removed = 1});
  else
    lock_layer({.vma = middle, .grows = next_vma});
  if (!whole)
    moved(target, middle, range.pgoff, pages(range.end - range.start), Watcher::Move::merge);
  const std::uint64_t end = at(next_vma).end;
  if (whole)
    remove_vma(mm, other, target);
  else
    set_end(mm, middle, range.start);
  if (keeps_next)
    set_start(target, range.start, true);
  else
    set_end(mm, target, end);
  at(target).policy = range.policy;
  at(target).context = range.context;
  at(target).flags |= sticky & rules_.sticky;
  return target;
}

}  // namespace anonvma
