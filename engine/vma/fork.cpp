#include "engine/vma/fork.h"

#include <utility>

#include "engine/vma/pages.h"

namespace anonvma {
namespace {

constexpr std::uint64_t kAll = ~0ull;

// The child of a fork in flight: it has a slot, and no id before its Fork.
std::uint32_t begin_copy(Layer& layer, std::uint32_t parent) {
  if (layer.mms[parent].copy != Mm::kNoCopy) return layer.mms[parent].copy;
  const std::uint32_t slot = mm_init(layer);  // may move all mms
  Mm &from = layer.mms[parent], &child = layer.mms[slot];
  from.copy = slot;
  child.def_flags = from.def_flags & kVmNoHugePage;  // flags of mlockall are not inherited
  child.start_brk = from.start_brk;
  child.comm = from.comm;
  child.cgroup = from.cgroup;
  layer.mms.join_family(child, from.family);
  return slot;
}

VmaId copy_one(Layer& layer, VmaId source, std::uint32_t child, VmaId child_prev) {
  Vma copy = layer.at(source);
  copy.mm = child;
  const VmaId fresh = layer.vmas.alloc(copy);
  if (!(copy.flags & kVmWipeOnFork))
    layer.strategy.fork(fresh, source, child_prev);
  else if (layer.rules.fork_prepares_wiped)
    layer.strategy.fork_wiped(fresh, source);
  layer.at(fresh).flags &= ~kVmLockedMask;
  if ((copy.flags & kVmUffdMask) && !(copy.context & SnapVma::kFollowsFork)) {
    layer.at(fresh).flags &= ~kVmUffdMask;
    layer.at(fresh).context = 0;
  }
  return fresh;
}

// Copies vmas in ascending order until the child has `count`, or all.
void dup_mmap(Layer& layer, std::uint32_t parent, std::uint64_t count) {
  const std::uint32_t slot = begin_copy(layer, parent);
  Mm &from = layer.mms[parent], &child = layer.mms[slot];
  layer.acts_for(child);
  VmaId child_prev = child.list.size() > 0 ? child.list[child.list.size() - 1] : VmaId{};
  const std::uint64_t done = child_prev ? layer.at(child_prev).end : 0;
  for (const VmaId source : layer.vmas.range(from, done, kAll)) {
    if (child.list.size() >= count) return;
    if (layer.slab.over_budget()) return;  // the replay gives up, so the rest does not matter
    if (layer.at(source).flags & kVmDontCopy) continue;
    child_prev = copy_one(layer, source, slot, child_prev);
    child.list.append(layer.at(child_prev).end, child_prev);
  }
}

// A parent is locked while it forks. Only in a damaged trace may it have another mapping at a place
// that the fork has copied.
void note_pages_of_fork(Layer& layer, Mm& parent, const Mm& child) {
  for (const VmaId id : layer.vmas.range(child, 0, kAll)) {
    const Vma& copy = layer.at(id);
    const VmaId source = layer.vmas.vma_lookup(parent, copy.start);
    if (!source || (copy.flags & kVmWipeOnFork)) continue;
    const Vma& from = layer.at(source);
    if (from.start == copy.start && from.end == copy.end && from.pgoff == copy.pgoff)
      layer.watcher->forked(id, source);
  }
}

void release_all(Layer& layer, Mm& mm) {
  for (const VmaId id : layer.vmas.range(mm, 0, kAll)) layer.strategy.release(id);
  mm.list.clear();
  mm.last = {};
}

}  // namespace

void abandon_fork(Layer& layer, Mm& parent) {
  if (parent.copy == Mm::kNoCopy) return;
  Mm& child = layer.mms[std::exchange(parent.copy, Mm::kNoCopy)];
  layer.acts_for(child);
  for (const VmaId id : layer.vmas.range(child, 0, kAll)) unlink_anon_vmas(layer, id);
  release_all(layer, child);
  mmdrop(layer, layer.mms.slot(child));
  layer.acts_for(parent);
}

void dup_mm(Layer& layer, Mm& parent, const Fork& event) {
  const std::uint32_t from = layer.mms.slot(parent);
  if (layer.mms.family_is_exiting(parent) && !layer.setting.tells_steps)
    ++layer.anomalies[Anomaly::order_ambiguous];
  if (!layer.mms.may_be_born(event.child)) return abandon_fork(layer, parent);
  dup_mmap(layer, from, kAll);
  const std::uint32_t to = std::exchange(layer.mms[from].copy, Mm::kNoCopy);
  layer.mms.name(to, event.child);
  if (layer.mms[from].tainted) layer.mms.taint(layer.mms[to]);
  layer.strategy.mm_forked(MmSlot{to}, MmSlot{from});
  if (layer.watcher != nullptr) note_pages_of_fork(layer, layer.mms[from], layer.mms[to]);
}

void step(Layer& layer, Mm& mm, const EventHead& head, const Step& event) {
  if (event.copied > 0) {
    mm.copy_seq = head.seq;
    return dup_mmap(layer, layer.mms.slot(mm), event.copied);
  }
  for (; mm.unlinked < mm.list.size(); ++mm.unlinked) {
    const VmaId vma = mm.list[mm.unlinked];
    if (layer.at(vma).start > event.unlinked) break;
    unlink_anon_vmas(layer, vma);
  }
}

void exit_mmap(Layer& layer, Mm& mm) {
  layer.mms.end_exit(mm);
  abandon_fork(layer, mm);
  // Steps have unlinked the first vmas already. In a damaged trace one of them is faulted again.
  std::size_t i = 0;
  for (const VmaId id : layer.vmas.range(mm, 0, kAll))
    if (i++ >= mm.unlinked || layer.strategy.faulted(id)) unlink_anon_vmas(layer, id);
  release_all(layer, mm);
  layer.mms.forget(mm.id);
  mmdrop(layer, layer.mms.slot(mm));
}

}  // namespace anonvma
