#include "engine/vma/remap.h"

#include <algorithm>

#include "engine/vma/fault.h"
#include "engine/vma/layer_locks.h"
#include "engine/vma/modify.h"
#include "engine/vma/pages.h"
#include "engine/vma/unmap.h"

namespace anonvma {
namespace {

// True if vma_to_resize() refused the source, and no earlier check refused the call. The question
// matters for a failed call under rules that check the source last.
bool refused_by_source(Layer& layer, Mm& mm, const Remap& event) {
  const VmaId source = layer.vmas.vma_lookup(mm, event.addr);
  if (event.ret == kErrFault) return source || !layer.rules.remap_finds_first;
  if (!source) return false;
  if (event.ret == kErrAgain) return true;  // a locked vma may not grow so much
  const Vma& vma = layer.at(source);
  if (event.ret != kErrInval || (vma.flags & kVmHugeTlb)) return false;
  const std::uint64_t old_len = layer.page_align(event.old_len);
  const std::uint64_t new_len = layer.page_align(event.new_len);
  const bool keeps_source = (event.flags & kMremapDontUnmap) != 0;
  const bool overlap =
      event.addr + old_len > event.new_addr && event.new_addr + new_len > event.addr;
  if (((event.addr | event.new_addr) & layer.page.mask()) != 0 || new_len == 0 || overlap ||
      (event.flags & ~kMremapKnown) != 0 || (event.flags & kMremapMayMove) == 0 ||
      (keeps_source && event.old_len != event.new_len))
    return false;
  if (keeps_source) return (vma.flags & (kVmDontExpand | kVmPfnMap)) != 0;
  return old_len == 0 && (vma.flags & (kVmShared | kVmMayShare)) == 0;
}

// A sealed vma at the target, or in the part that a shrinking source loses, refused the call.
void mremap_refused(Layer& layer, Mm& mm, const Remap& event) {
  const std::uint64_t old_end = event.addr + layer.page_align(event.old_len);
  const std::uint64_t new_len = layer.page_align(event.new_len);
  const VmaId source = layer.vmas.vma_lookup(mm, event.addr);
  if (!source || (layer.at(source).flags & layer.rules.sealed)) return;
  if (event.flags & kMremapFixed) {
    if (holds_sealed(layer, mm, event.new_addr, event.new_addr + new_len))
      return munmap_refused(layer, mm, event.new_addr, event.new_addr + new_len, event.ret);
    do_munmap(layer, mm, event.new_addr, event.new_addr + new_len);
  }
  munmap_refused(layer, mm, event.addr + new_len, old_end, event.ret);
}

void expand_vma(Layer& layer, Mm& mm, VmaId vma, std::uint64_t old_end, std::uint64_t new_end) {
  const VmaId next_vma = layer.vmas.next(vma);
  if (next_vma && layer.at(next_vma).start < new_end) {
    return layer.impossible(mm);
  }
  const std::uint64_t flags = layer.at(vma).flags;
  VmaMerge range = range_of(layer, vma, old_end, new_end, flags);
  range.middle = {};
  if (!layer.rules.remap_grow_merges || !vma_merge_new_range(layer, mm, {vma, next_vma}, range)) {
    lock_layer(layer, {.vma = vma});
    layer.vmas.set_end(vma, new_end);
  }
  if ((flags & kVmLocked) && !layer.populates_by_touch(mm))
    mm_populate(layer, mm, old_end, new_end);
}

// Makes the copy at the target: part of a neighbour there, or a new vma with a clone of the chain.
VmaId copy_vma(Layer& layer, Mm& mm, VmaId vma, std::uint64_t addr, std::uint64_t new_addr,
               std::uint64_t new_len, bool keep_source) {
  Vma copy = layer.at(vma);
  copy.pgoff += layer.pages(addr - copy.start);
  // No page of an unfaulted vma refers to its old place: its copy gets the offset of a new mapping.
  const bool unfaulted = copy.anonymous() && !layer.faulted(vma);
  if (unfaulted) copy.pgoff = layer.pages(new_addr);
  copy.displaced =
      layer.faulted(vma) ? copy.displaced + layer.pages(new_addr) - layer.pages(addr) : 0;
  copy.start = new_addr;
  copy.end = new_addr + new_len;
  VmaMerge range = VmaMerge::like(copy);
  range.anon = range.copied = vma;
  VmaTable::Neighbours neighbours = layer.vmas.neighbours(mm, new_addr);
  bool may_merge = !layer.rules.remap_keeps_uffd_apart || (copy.flags & kVmUffdMask) == 0;
  if (keep_source && unfaulted && !layer.rules.self_merge) {
    const bool beside = new_addr == layer.at(vma).end || layer.at(vma).start == new_addr + new_len;
    may_merge = may_merge && (!beside || layer.rules.self_merge_spares_others);
    if (neighbours.prev == vma) neighbours.prev = {};
    if (neighbours.next == vma) neighbours.next = {};
  }
  if (may_merge)
    if (const VmaId merged = vma_merge_new_range(layer, mm, neighbours, range)) return merged;
  const VmaId fresh = layer.vmas.alloc(copy);
  layer.strategy.clone(fresh, vma, CloneOp::remap);
  layer.vmas.insert(fresh);
  return fresh;
}

// Updates the source after MREMAP_DONTUNMAP.
void dontunmap_complete(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end, VmaId copy) {
  const VmaId source = layer.vmas.vma_lookup(mm, start);  // the copy may have absorbed it
  if (layer.rules.dontunmap_drops_account) layer.at(source).flags &= ~kVmAccount;
  layer.at(source).flags &= ~kVmLockedMask;
  if (source == copy) return;
  const bool middle = layer.at(source).start < start && end < layer.at(source).end;
  if (const VmaId behind = layer.vmas.next(source); layer.rules.dontunmap_accounts_next && middle &&
                                                    (layer.at(source).flags & kVmAccount) && behind)
    layer.at(behind).flags |= kVmAccount;
  const bool whole = layer.at(source).start == start && layer.at(source).end == end;
  if (!whole || !layer.rules.dontunmap_unlinks) return;
  unlink_anon_vmas(layer, source);
  layer.at(source).displaced = 0;
  if (layer.rules.dontunmap_resets_pgoff && layer.at(source).anonymous() &&
      layer.at(source).file == 0)
    layer.at(source).pgoff = layer.pages(start);
}

// The end of the source after its pages have moved: unmapped, kept on demand (MREMAP_DONTUNMAP), or kept
// because the kernel had no memory to split it off.
enum class Source { unmapped, kept, stuck };

void move_vma(Layer& layer, Mm& mm, std::uint64_t addr, std::uint64_t old_len,
              std::uint64_t new_addr, std::uint64_t new_len, Source source) {
  const bool keep_source = source == Source::kept;
  const VmaId vma = layer.vmas.vma_lookup(mm, addr);
  const VmaId in_the_way = layer.vmas.find_vma(mm, new_addr);
  if (!vma || (in_the_way && layer.at(in_the_way).start < new_addr + new_len))
    return layer.impossible(mm);
  const std::uint64_t flags = layer.at(vma).flags;
  if (keep_source && layer.rules.dontunmap_splits_locked && (flags & kVmLocked)) {
    if (layer.at(vma).start < addr) split_vma(layer, vma, addr, true);
    if (layer.at(vma).end > addr + old_len) split_vma(layer, vma, addr + old_len, false);
  }
  const std::uint64_t pgoff = layer.at(vma).pgoff + layer.pages(addr - layer.at(vma).start);
  const VmaId copy = copy_vma(layer, mm, vma, addr, new_addr, new_len, keep_source);
  // An unfaulted source has no pages, and its vma and offset may have changed meanwhile.
  if (layer.faulted(vma) && copy != vma)
    moved(layer, copy, vma, pgoff, layer.pages(old_len), Watcher::Move::remap);
  // A userfaultfd follows a mapping only with UFFD_FEATURE_EVENT_REMAP.
  if (flags & kVmUffdMask) {
    layer.at(copy).flags &= ~kVmUffdMask;
    layer.at(copy).context = 0;
  }
  if (keep_source) {
    dontunmap_complete(layer, mm, addr, addr + old_len, copy);
  } else if (source == Source::unmapped) {
    do_munmap(layer, mm, addr, addr + old_len);
  } else if (const VmaId stuck = layer.vmas.vma_lookup(mm, addr)) {
    layer.at(stuck).flags &= ~kVmAccount;  // cleared for the unmapping that failed
  }
  if ((flags & kVmLocked) && new_len > old_len && !layer.populates_by_touch(mm))
    mm_populate(layer, mm, new_addr + old_len, new_addr + new_len);
}

// The address at which a failed call stopped: that of a vma that must not move, or that would move
// over a sealed vma. event.addr if the model finds neither.
std::uint64_t mremap_stops_at(Layer& layer, Mm& mm, const Remap& event, std::uint64_t target) {
  if (event.stopped != 0 && !(event.flags & kMremapDontUnmap)) return event.stopped;
  const std::uint64_t end = event.addr + layer.page_align(event.old_len);
  if (!layer.vmas.vma_lookup(mm, event.addr)) return event.addr;  // no gap is allowed at the start
  for (const VmaId id : layer.vmas.range(mm, event.addr, end)) {
    const Vma& vma = layer.at(id);
    const std::uint64_t start = std::max(vma.start, event.addr);
    const std::uint64_t new_start = target + (start - event.addr);
    const std::uint64_t new_end = target + (std::min(vma.end, end) - event.addr);
    const bool alone = start == event.addr && vma.end >= end;
    // A file that places its mappings itself moves alone only: System V shared memory does.
    const bool moves_alone = (vma.flags & kVmUffdMask) || (vma.ops & kOpsPlaces) ||
                             (vma.has_close() && !(vma.flags & kVmHugeTlb));
    bool stops = event.ret == kErrFault && moves_alone && !alone;
    if (event.ret == kErrPerm)
      stops = (vma.flags & layer.rules.sealed) || holds_sealed(layer, mm, new_start, new_end);
    if (event.ret == kErrInval)
      stops = (event.flags & kMremapDontUnmap) && (vma.flags & (kVmDontExpand | kVmPfnMap));
    if (stops) return start;
  }
  return event.addr;
}

// Each vma of the range moves by itself. Gaps stay gaps, and mappings under them at the target
// stay. A failed call has moved the vmas before the one that stopped it. If the model finds no vma
// that could have stopped it, the call has moved nothing.
void remap_move(Layer& layer, Mm& mm, const Remap& event, std::uint64_t length) {
  const std::uint64_t end = event.addr + length;
  const std::uint64_t target =
      event.ret < 0 ? event.new_addr : static_cast<std::uint64_t>(event.ret);
  if (!layer.valid_range(target, length, event.ret)) return;
  const std::uint64_t stop = event.ret < 0 ? mremap_stops_at(layer, mm, event, target) : end;
  for (std::uint64_t cursor = event.addr; cursor < end;) {
    const VmaId vma = layer.vmas.find_vma(mm, cursor);
    if (!vma || layer.at(vma).start >= end) break;
    const std::uint64_t start = std::max(layer.at(vma).start, cursor);
    const std::uint64_t piece = std::min(layer.at(vma).end, end) - start;
    const std::uint64_t new_start = target + (start - event.addr);
    if (start >= stop) {
      if (event.ret == kErrRestartSys)
        do_munmap(layer, mm, new_start, new_start + piece);
      else if (!(layer.at(vma).flags & layer.rules.sealed))
        munmap_refused(layer, mm, new_start, new_start + piece, event.ret);
      break;
    }
    do_munmap(layer, mm, new_start, new_start + piece);
    move_vma(layer, mm, start, piece, new_start, piece,
             (event.flags & kMremapDontUnmap) ? Source::kept : Source::unmapped);
    cursor = start + piece;
  }
}

// Up to 6.16 the target of MREMAP_FIXED was unmapped, and a shrinking source cut, before the source
// was measured; before 5.18 even without any source. In all kernels both are done when a signal
// ends the call, which is possible while KSM gives up the pages to be moved.
void mremap_failed(Layer& layer, Mm& mm, const Remap& event) {
  const std::uint64_t old_len = layer.page_align(event.old_len);
  const std::uint64_t new_len = layer.page_align(event.new_len);
  const bool fixed = (event.flags & kMremapFixed) != 0;
  if (fixed && !layer.valid_range(event.new_addr, new_len, event.ret)) return;
  if (fixed && layer.rules.remap_many && old_len == new_len)
    return remap_move(layer, mm, event, old_len);
  if (event.ret == kErrPerm) return mremap_refused(layer, mm, event);
  // Duplicating a mapping (old_len 0) onto itself: its own target is gone when it is looked up
  // again.
  const bool onto_itself = fixed && old_len == 0 && event.new_addr <= event.addr &&
                           event.addr < event.new_addr + new_len;
  if (onto_itself && event.ret == kErrFault && layer.rules.remap_checks_first &&
      layer.vmas.vma_lookup(mm, event.addr))
    return do_munmap(layer, mm, event.new_addr, event.new_addr + new_len);
  if (!fixed) return;
  if (event.ret != kErrRestartSys) {
    if (layer.rules.remap_checks_first || !refused_by_source(layer, mm, event)) return;
  }
  do_munmap(layer, mm, event.new_addr, event.new_addr + new_len);
  if (old_len > new_len) do_munmap(layer, mm, event.addr + new_len, event.addr + old_len);
}

}  // namespace

void do_mremap(Layer& layer, Mm& mm, const Remap& event) {
  std::uint64_t old_len = layer.page_align(event.old_len);
  const std::uint64_t new_len = layer.page_align(event.new_len);
  const auto target = static_cast<std::uint64_t>(event.ret);
  const bool fixed = (event.flags & kMremapFixed) != 0;
  const bool keep_source = (event.flags & kMremapDontUnmap) != 0;
  const bool stays = target == event.addr && !fixed && !keep_source;
  // Up to 6.16 a mapping may keep any length, even one that it cannot have.
  if (stays && old_len == new_len) return;
  if (new_len == 0 || !layer.valid_range(event.addr, old_len, event.ret) ||
      !layer.valid_range(event.addr, new_len, event.ret))
    return;
  if (event.ret < 0) {
    mremap_failed(layer, mm, event);
    return;
  }
  if (!layer.valid_range(target, new_len)) return;
  const std::uint64_t old_end = event.addr + old_len;

  if (stays) {
    if (new_len < old_len) do_munmap(layer, mm, event.addr + new_len, old_end);
    const VmaId vma = layer.vmas.vma_lookup(mm, event.addr);
    if (new_len > old_len && vma && layer.at(vma).end == old_end)
      expand_vma(layer, mm, vma, old_end, event.addr + new_len);
    return;
  }
  if (fixed && old_len == new_len && layer.rules.remap_many) {
    remap_move(layer, mm, event, old_len);
    return;
  }
  if (fixed) do_munmap(layer, mm, target, target + new_len);
  if (old_len > new_len) {
    do_munmap(layer, mm, event.addr + new_len, old_end);
    old_len = new_len;
  }
  Source source = keep_source ? Source::kept : Source::unmapped;
  if (!keep_source && event.stopped == event.addr) source = Source::stuck;
  move_vma(layer, mm, event.addr, old_len, target, new_len, source);
}

}  // namespace anonvma
