#include "engine/vma/modify.h"

#include "engine/vma/layer_locks.h"
#include "engine/vma/pages.h"

namespace anonvma {

VmaId split_vma(Layer& layer, VmaId vma, std::uint64_t addr, bool new_below) {
  Vma half = layer.at(vma);
  if (new_below) {
    half.end = addr;
  } else {
    half.start = addr;
    half.pgoff += layer.pages(addr - layer.at(vma).start);
  }
  const VmaId fresh = layer.vmas.alloc(half);
  layer.strategy.clone(fresh, vma, CloneOp::split);
  lock_layer(layer, {.vma = vma, .inserts = true, .start_moves = new_below});
  if (new_below)
    layer.vmas.set_start(vma, addr, true);
  else
    layer.vmas.set_end(vma, addr);
  layer.vmas.insert(fresh);
  moved(layer, fresh, vma, half.pgoff, layer.pages(half.end - half.start), Watcher::Move::split);
  return fresh;
}

VmaMerge range_of(Layer& layer, VmaId vma, std::uint64_t start, std::uint64_t end,
                  std::uint64_t flags) {
  VmaMerge range = VmaMerge::like(layer.at(vma));
  range.pgoff += layer.pages(start - range.start);
  range.start = start;
  range.end = end;
  range.flags = flags;
  range.anon = range.middle = vma;
  return range;
}

VmaId vma_modify(Layer& layer, Mm& mm, const VmaMerge& range) {
  const VmaId vma = range.middle;
  mm.rule = "changed range merges with neither side";
  VmaId changed = vma_merge_existing_range(layer, mm, range);
  if (!changed) {
    if (layer.at(vma).start < range.start) split_vma(layer, vma, range.start, true);
    if (layer.at(vma).end > range.end) split_vma(layer, vma, range.end, false);
    changed = vma;
    layer.at(changed).policy = range.policy;
    layer.at(changed).context = range.context;
    layer.at(changed).name = range.name;
  }
  layer.at(changed).flags = range.flags | (layer.at(changed).flags & layer.rules.sticky);
  return changed;
}

}  // namespace anonvma
