#include "engine/vma/fault.h"

#include "engine/vma/layer_locks.h"
#include "engine/vma/pages.h"

namespace anonvma {
void mm_populate(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end,
                 std::uint64_t skipped) {
  for (const VmaId vma : layer.vmas.range(mm, start, end)) {
    const Vma& v = layer.at(vma);
    if (v.flags & (kVmIo | kVmPfnMap | skipped)) continue;
    if (v.may_prepare()) {
      layer.rmap.prepare(vma);
      written(layer, vma, start, end);
    }
    if ((v.flags & kVmAccess) == 0) break;  // inaccessible: populating stops with an error
  }
}

bool expand_stack(Layer& layer, Mm& mm, std::uint64_t addr) {
  const auto [below_stack, stack] = layer.vmas.neighbours(mm, addr);
  if (!stack || !(layer.at(stack).flags & kVmGrowsDown)) return false;
  if (below_stack) {
    const Vma& below = layer.at(below_stack);
    const bool guarded = (below.flags & kVmAccess) && !(below.flags & kVmGrowsDown);
    const std::uint64_t gap = layer.setting.stack_guard_pages << layer.page.shift();
    if (guarded && addr - below.end < gap) return false;
  }
  if (layer.pages(layer.at(stack).start - addr) > layer.at(stack).pgoff) return false;
  layer.rmap.prepare(stack);
  lock_stack(layer, stack);
  layer.vmas.set_start(stack, addr & ~layer.page.mask(), true);
  return true;
}

namespace {

// The task wrote to the page of `addr`.
void page_written(Layer& layer, VmaId vma, std::uint64_t addr) {
  const std::uint64_t page = addr & ~layer.page.mask();
  written(layer, vma, page, page + layer.page.bytes());
}

void prepare_beside_others(Layer& layer, Mm& mm, const EventHead& head, VmaId vma) {
  if (layer.faulted(vma)) return;
  layer.rmap.prepare(vma);
  mm.at_once.prepared(head.seq, vma);
}

// True if a vma that shares the anon_vma of `vma` has a task that allocated it.
bool shares_with_maker(const Layer& layer, const Mm& mm, VmaId vma) {
  const auto found = [&](auto&& step) {
    for (VmaId n = step(vma); n && layer.strategy.same(n, vma); n = step(n))
      if (mm.at_once.is_maker(n)) return true;
    return false;
  };
  return found([&](VmaId n) { return layer.vmas.prev(n); }) ||
         found([&](VmaId n) { return layer.vmas.next(n); });
}

}  // namespace

// Growth takes the write lock. The event of the acquire (with a map_count) shows that the growth
// was granted, the exception alone that it was requested.
void handle_fault(Layer& layer, Mm& mm, const EventHead& head, const Fault& event) {
  const VmaId vma = layer.vmas.vma_lookup(mm, event.addr);
  const bool acquired = head.map_count != 0;
  if (!vma) {
    const bool grows =
        (acquired || !layer.rules.growth_takes_lock) && expand_stack(layer, mm, event.addr);
    if (!grows)
      ++layer.anomalies[Anomaly::fault_without_vma];
    else if (event.flags & kFaultWrite)
      page_written(layer, layer.vmas.vma_lookup(mm, event.addr), event.addr);
    return;
  }
  if (!(event.flags & kFaultWrite) || !layer.at(vma).may_prepare()) return;
  // Other tasks raced with this fault, so the kernel may have prepared the vma later, or another
  // vma: a Touch event shows it. A rival design prepares here, or it would miss the first write to
  // a vma that it kept apart.
  if (!(event.flags & kFaultShared))
    layer.rmap.prepare(vma);
  else if (!layer.setting.own())
    prepare_beside_others(layer, mm, head, vma);
  page_written(layer, vma, event.addr);
}

// get_user_pages with FOLL_FORCE prepares private mappings that are not writable, too. It may grow
// a stack, and before 6.5 no write lock shows that: the stack is prepared, and begins at the
// address. Guard regions (6.15 to 6.18) prepare shared mappings, too: no page of these is anonymous.
void touch(Layer& layer, Mm& mm, const EventHead& head, const Touch& event) {
  VmaId vma = layer.vmas.vma_lookup(mm, event.addr);
  if (!vma && !layer.rules.growth_takes_lock && expand_stack(layer, mm, event.addr))
    vma = layer.vmas.vma_lookup(mm, event.addr);
  if (!vma) return;
  prepare_beside_others(layer, mm, head, vma);
  if (layer.at(vma).flags & kVmShared) return;
  page_written(layer, vma, event.addr);
}

// __anon_vma_prepare() found no anon_vma to share. See PreparedAtOnce for the case where the model did.
void new_anon_vma(Layer& layer, Mm& mm, const EventHead& head, const NewAnonVma& event) {
  const VmaId vma = layer.vmas.vma_lookup(mm, event.addr);
  if (!vma || !mm.at_once.makes(head.seq, vma)) return;
  if (!shares_with_maker(layer, mm, vma)) return;
  if (layer.watcher != nullptr) layer.watcher->emptied(vma);
  layer.rmap.part(vma);
  page_written(layer, vma, event.addr);
}

}  // namespace anonvma
