#include "engine/vma/snapshot.h"

#include <algorithm>
#include <vector>

#include "engine/vma/fault.h"
#include "engine/vma/modify.h"
#include "engine/vma/pages.h"
#include "engine/vma/unmap.h"

namespace anonvma {
namespace {

// True if `vma` is the upper part of a stack that a fault made longer: not every machine records
// faults.
bool grew_to(const Vma& vma, const SnapVma& wanted, unsigned page_shift) {
  return (vma.flags & wanted.vm_flags & kVmGrowsDown) && wanted.anon_vma &&
         vma.start < wanted.end && vma.file == wanted.file &&
         vma.pgoff - (vma.start >> page_shift) == wanted.pgoff - (wanted.start >> page_shift);
}

// A vma of `mm` as the snapshot shows it.
Vma as_seen(const Layer& layer, const Mm& mm, const SnapVma& vma) {
  return {.start = vma.start,
          .end = vma.end,
          .flags = vma.vm_flags & ~kVmSoftDirty,
          .pgoff = vma.pgoff,
          .mm = layer.mms.slot(mm),
          .file = static_cast<FileId>(vma.file),
          .ops = static_cast<std::uint32_t>(vma.ops),
          .policy = static_cast<std::uint32_t>(vma.policy),
          .context = static_cast<std::uint32_t>(vma.context),
          .name = static_cast<std::uint32_t>(vma.vma_name)};
}

// Maps a range that the model does not have, or has with another file.
void map_seen(Layer& layer, Mm& mm, const SnapVma& wanted, std::uint64_t start, std::uint64_t end) {
  Vma fresh = as_seen(layer, mm, wanted);
  fresh.pgoff += layer.pages(start - wanted.start);
  fresh.start = start;
  fresh.end = end;
  const std::vector<VmaId> replaced = vms_gather_munmap_vmas(layer, mm, start, end);
  // The range merges only inside of the snapshot's vma: vmas that the snapshot shows apart were not
  // merged.
  VmaTable::Neighbours neighbours = layer.vmas.neighbours(mm, start);
  if (wanted.start == start) neighbours.prev = {};
  if (wanted.end == end) neighbours.next = {};
  if (!vma_merge_new_range(layer, mm, neighbours, VmaMerge::like(fresh))) {
    const VmaId id = layer.vmas.alloc(fresh);
    layer.vmas.insert(id);
    if (wanted.anon_vma) write_all(layer, id);
  }
  for (const VmaId vma : replaced) layer.strategy.release(vma);
}

// True for the same pages of the same file. The pgoff of anonymous memory proves nothing, as it
// depends on when the memory was moved.
bool shows_same(Layer& layer, const Vma& vma, const SnapVma& wanted) {
  return vma.file == wanted.file && (vma.file == 0 || vma.pgoff - layer.pages(vma.start) ==
                                                          wanted.pgoff - layer.pages(wanted.start));
}

// The part of `id` in [start, end) gets the attributes that the snapshot shows. The call that
// changed it is unknown, so rules of one call do not apply.
void change_seen(Layer& layer, Mm& mm, VmaId id, const SnapVma& wanted, std::uint64_t start,
                 std::uint64_t end) {
  VmaMerge range = range_of(layer, id, start, end, wanted.vm_flags & ~kVmSoftDirty);
  range.policy = static_cast<std::uint32_t>(wanted.policy);
  range.context = static_cast<std::uint32_t>(wanted.context);
  range.name = static_cast<std::uint32_t>(wanted.vma_name);
  Vma& vma = layer.at(id);
  if (vma.start != wanted.start || vma.end != wanted.end) {
    vma_modify(layer, mm, range);
    return;
  }
  vma.flags = range.flags;
  vma.policy = range.policy;
  vma.context = range.context;
  vma.name = range.name;
}

struct TakenOver {
  bool differs = false;
  Prepared grown;  // the kernel prepares a stack that grows
};

// Makes [wanted.start, wanted.end) as the snapshot shows it. Only attributes are taken over: the strategy
// may have other boundaries than the recording kernel, so ranges merge or split by the rules, as in a
// call that sets these attributes.
TakenOver take_over(Layer& layer, Mm& mm, const SnapVma& wanted) {
  const std::uint64_t ignored = layer.rules.ignored_by_merge() | kVmAccount;
  const auto same_attributes = [&](const Vma& vma) {
    return vma.policy == wanted.policy && vma.context == wanted.context &&
           vma.name == wanted.vma_name && ((vma.flags ^ wanted.vm_flags) & ~ignored) == 0;
  };
  TakenOver taken;
  for (std::uint64_t cursor = wanted.start, end = 0; cursor < wanted.end; cursor = end) {
    const VmaId id = layer.vmas.find_vma(mm, cursor);
    const bool mapped = id && layer.at(id).start <= cursor;
    const Prepared before = layer.rmap.prepared();
    if (id && !mapped && grew_to(layer.at(id), wanted, layer.page.shift()) &&
        expand_stack(layer, mm, cursor)) {
      taken.differs = true;
      taken.grown += layer.rmap.prepared() - before;
      end = cursor;  // visits the range again
      continue;
    }
    end = wanted.end;
    if (id) end = std::min(end, mapped ? layer.at(id).end : layer.at(id).start);
    if (!mapped || !shows_same(layer, layer.at(id), wanted)) {
      map_seen(layer, mm, wanted, cursor, end);
      taken.differs = true;
    } else if (!same_attributes(layer.at(id))) {
      change_seen(layer, mm, id, wanted, cursor, end);
      taken.differs = true;
    }
  }
  return taken;
}

}  // namespace

void take_mm(Mm& mm, const MmSnapshot& seen) {
  mm.comm = {seen.snapshot.comm_lo, seen.snapshot.comm_hi};
  mm.def_flags = seen.snapshot.def_flags;
  mm.start_brk = seen.snapshot.start_brk;
}

VmaId take_vma(Layer& layer, Mm& mm, const SnapVma& vma) {
  if (vma.end <= vma.start || !layer.valid_range(vma.start, vma.end - vma.start) ||
      !layer.valid_pgoff(vma.pgoff))
    return {};
  const VmaId in_the_way = layer.vmas.find_vma(mm, vma.start);
  if (in_the_way && layer.at(in_the_way).start < vma.end) {
    ++layer.anomalies[Anomaly::bad_range];
    return {};
  }
  layer.vmas.reserve_unnamed(static_cast<FileId>(vma.file));
  const VmaId id = layer.vmas.alloc(as_seen(layer, mm, vma));
  layer.vmas.insert(id);
  return id;
}

// The loader's own work is not simulated: its result is taken over, and the vmas that it wrote to
// are prepared in address order.
void take_exec(Layer& layer, const MmSnapshot& seen) {
  Mm* mm = layer.mms.find(seen.head.mm);
  if (mm == nullptr) {
    ++layer.anomalies[Anomaly::unknown_mm];
    return;
  }
  layer.acts_for(*mm);
  take_mm(*mm, seen);
  std::vector<VmaId> faulted_vmas;
  for (const VmaSnapshot& s : seen.vmas)
    if (const VmaId id = take_vma(layer, *mm, s.vma); id && s.vma.anon_vma)
      faulted_vmas.push_back(id);
  for (const VmaId id : faulted_vmas) write_all(layer, id);
}

Prepared resynchronise(Layer& layer, Mm& mm, const MmSnapshot& seen) {
  layer.acts_for(mm);
  std::uint64_t differences = 0;
  Prepared grown;
  std::uint64_t cursor = 0;
  const auto clear = [&](std::uint64_t start, std::uint64_t end) {
    if (start >= end) return;
    const VmaId first = layer.vmas.find_vma(mm, start);
    if (!first || layer.at(first).start >= end) return;
    ++differences;
    do_munmap(layer, mm, start, end);
  };
  for (const VmaSnapshot& s : seen.vmas) {
    const SnapVma& wanted = s.vma;
    if (wanted.start < cursor || wanted.end <= wanted.start ||
        !layer.valid_range(wanted.start, wanted.end - wanted.start) ||
        !layer.valid_pgoff(wanted.pgoff))
      continue;
    clear(cursor, wanted.start);
    const TakenOver taken = take_over(layer, mm, wanted);
    differences += taken.differs ? 1 : 0;
    grown += taken.grown;
    cursor = wanted.end;
  }
  clear(cursor, kTaskSizeMax);
  // A call that was refused half-way may have left no more than a split.
  if (layer.setting.own())
    for (const VmaSnapshot& s : seen.vmas)
      if (const VmaId id = layer.vmas.vma_lookup(mm, s.vma.start);
          id && layer.at(id).start < s.vma.start && shows_same(layer, layer.at(id), s.vma)) {
        split_vma(layer, id, s.vma.start, layer.rules.munmap_frees_original);
        ++differences;
      }
  mm.def_flags = seen.snapshot.def_flags;
  if (seen.snapshot.start_brk != 0) mm.start_brk = seen.snapshot.start_brk;
  mm.drifted = false;
  mm.unread = false;
  layer.anomalies[Anomaly::resynchronised] += differences;
  return grown;
}

}  // namespace anonvma
