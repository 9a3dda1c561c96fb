// fork and exit: dup_mmap() of kernel/fork.c (mm/mmap.c from 6.13), exit_mmap() of mm/mmap.c.
#include <utility>

#include "engine/vma/address_spaces.h"

namespace anonvma {

// The child of a fork that is under way: it has a slot, and no id before its Fork.
std::uint32_t AddressSpaces::begin_copy(std::uint32_t parent) {
  if (mms_[parent].copy != kNoCopy) return mms_[parent].copy;
  const std::uint32_t slot = take_slot();  // may move mms_
  Mm &from = mms_[parent], &child = mms_[slot];
  from.copy = slot;
  child.def_flags = from.def_flags & kVmNoHugePage;  // what mlockall set is not inherited
  child.start_brk = from.start_brk;
  child.comm = from.comm;
  child.family = from.family;
  strategy_->mm_init(MmSlot{slot});
  return slot;
}

// Copies vmas in ascending order until the child has `count`, or all.
void AddressSpaces::copy_vmas(std::uint32_t parent, std::uint64_t count) {
  const std::uint32_t slot = begin_copy(parent);
  Mm &from = mms_[parent], &child = mms_[slot];
  acts_for(child);
  VmaId child_prev = child.list.size() > 0 ? child.list[child.list.size() - 1] : VmaId{};
  const std::uint64_t done = child_prev ? at(child_prev).end : 0;
  for (std::size_t i = from.list.find(done); i < from.list.size() && child.list.size() < count;
       ++i) {
    if (slab_.over_budget()) return;  // whatever comes of it, nobody will see
    slab_.worked(1);
    const VmaId source = from.list[i];
    Vma copy = at(source);
    if (copy.flags & kVmDontCopy) continue;
    copy.mm = slot;
    const VmaId fresh = alloc_vma(copy);
    if (!(copy.flags & kVmWipeOnFork))
      strategy_->fork(fresh, source, child_prev);
    else if (rules_.fork_prepares_wiped)
      strategy_->fork_wiped(fresh, source);
    if (copy.flags & kVmUffdMask) at(fresh).context = 0;
    at(fresh).flags &= ~(kVmLockedMask | kVmUffdMask);
    child.list.append(copy.end, fresh);
    child_prev = fresh;
  }
}

// The fork failed: what was copied goes again.
void AddressSpaces::drop_copy(Mm& parent) {
  if (parent.copy == kNoCopy) return;
  Mm& child = mms_[std::exchange(parent.copy, kNoCopy)];
  acts_for(child);
  for (std::size_t i = 0; i < child.list.size(); ++i) unlink(child.list[i]);
  for (std::size_t i = 0; i < child.list.size(); ++i) strategy_->release(child.list[i]);
  child.list.clear();
  retire(slot(child));
  acts_for(parent);
}

bool AddressSpaces::abandon_fork_before(const EventHead& head) {
  if (head.seq % 2 == 0) return false;
  Mm* mm = find_mm(head.mm);
  if (mm == nullptr || mm->copy == kNoCopy || mm->copy_seq == head.seq) return false;
  begin_op(OpKind::fork, false, head.tid);
  drop_copy(*mm);
  end_op();
  return true;
}

void AddressSpaces::abandon_forks() {
  for (Mm& mm : mms_) drop_copy(mm);
}

void AddressSpaces::fork(Mm& parent, const Fork& event) {
  const std::uint32_t parent_slot = slot(parent);
  if (endings_[parent.family] > 0 && !setting_.tells_steps) ++anomalies_[Anomaly::order_ambiguous];
  if (!event.child || slot_of_.contains(event.child.v)) {
    ++anomalies_[Anomaly::born_twice];
    return drop_copy(parent);
  }
  copy_vmas(parent_slot, ~0ull);
  const std::uint32_t child = std::exchange(mms_[parent_slot].copy, kNoCopy);
  slot_of_.emplace(event.child.v, child);
  mms_[child].id = event.child;
  if (mms_[parent_slot].tainted) set_tainted(mms_[child]);
  ++mms_seen_;
  strategy_->mm_forked(MmSlot{child}, MmSlot{parent_slot});
  if (watcher_ != nullptr) tell_of_fork(parent_slot, child);
}

// A parent is locked while it forks; in a damaged trace it may have mapped something else where the
// steps of the fork had copied.
void AddressSpaces::tell_of_fork(std::uint32_t parent, std::uint32_t child) {
  for (std::size_t i = 0; i < mms_[child].list.size(); ++i) {
    const VmaId id = mms_[child].list[i], source = find_vma(mms_[parent], at(id).start);
    const Vma& copy = at(id);
    if (!source || (copy.flags & kVmWipeOnFork)) continue;
    const Vma& from = at(source);
    if (from.start == copy.start && from.end == copy.end && from.pgoff == copy.pgoff)
      watcher_->forked(id, source);
  }
}

void AddressSpaces::step(Mm& mm, const EventHead& head, const Step& event) {
  if (event.copied > 0) {
    mm.copy_seq = head.seq;
    return copy_vmas(slot(mm), event.copied);
  }
  for (; mm.unlinked < mm.list.size(); ++mm.unlinked) {
    const VmaId vma = mm.list[mm.unlinked];
    if (at(vma).start > event.unlinked) break;
    unlink(vma);
  }
}

// The map_count of the head tells the last task of the mm.
void AddressSpaces::exit_task(Mm& mm, const EventHead& head) {
  if (head.map_count == 0 || mm.ending) return;
  mm.ending = true;
  ++endings_[mm.family];
}

void AddressSpaces::exit_mmap(Mm& mm) {
  if (mm.ending) --endings_[mm.family];
  drop_copy(mm);
  // What steps have unlinked already is faulted again where a damaged trace says so.
  for (std::size_t i = 0; i < mm.list.size(); ++i)
    if (i >= mm.unlinked || strategy_->faulted(mm.list[i])) unlink(mm.list[i]);
  for (std::size_t i = 0; i < mm.list.size(); ++i) strategy_->release(mm.list[i]);
  mm.list.clear();
  mm.last = {};
  slot_of_.erase(mm.id.v);
  last_mm_ = {};
  retire(slot(mm));
}

}  // namespace anonvma
