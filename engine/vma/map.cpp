#include "engine/vma/map.h"

#include <vector>

#include "engine/vma/fault.h"
#include "engine/vma/merge.h"
#include "engine/vma/protect.h"
#include "engine/vma/unmap.h"

namespace anonvma {
namespace {

bool is_shared(const Map& event) {
  const std::uint64_t kind = event.map_flags & kMapTypeMask;
  return kind == kMapShared || kind == kMapSharedValidate;
}

// hugetlb lengths are rounded up to the huge page size.
std::uint64_t length_unit(const Layer& layer, const Map& event) {
  if (((event.map_flags & kMapHugeTlb) | (event.vm_flags & kVmHugeTlb)) == 0)
    return layer.page.bytes();
  const std::uint64_t log2 = (event.map_flags >> kMapHugeShift) & kMapHugeMask;
  return log2 >= 12 && log2 <= 40 ? 1ull << log2 : layer.setting.huge_page_bytes;
}

// calc_vm_prot_bits() and calc_vm_flag_bits(), for a mapping that could not be read back.
std::uint64_t calc_vm_flags(Layer& layer, const Mm& mm, const Map& event) {
  std::uint64_t flags = (event.prot & kVmAccess) | kVmMayAccess | mm.def_flags;
  const auto translate = [&](std::uint64_t map_flag, std::uint64_t vm_flag) {
    if (event.map_flags & map_flag) flags |= vm_flag;
  };
  translate(kMapGrowsDown, kVmGrowsDown);
  translate(kMapLocked, kVmLocked);
  translate(kMapSync, kVmSync);
  translate(kMapNoReserve, kVmNoReserve);
  translate(kMapHugeTlb, kVmHugeTlb | kVmNoReserve);
  if (event.prot & kProtMteMachine)
    translate(kMapAnonymous | kMapHugeTlb, layer.rules.mte << 1);  // VM_MTE_ALLOWED
  flags |= arm64_calc_vm_prot_bits(layer.rules, event.prot);
  if (layer.rules.map_stack_nohugepage) translate(kMapStack, kVmNoHugePage);
  if (event.ops & kOpsNoExec) flags &= ~kVmMayExec;
  if (is_shared(event)) {
    flags |= kVmShared | kVmMayShare;
    if (event.ops & kOpsReadonlyFile) flags &= ~(kVmShared | kVmMayWrite);  // never written to
  } else if ((event.map_flags & kMapTypeMask) == kMapDroppable) {
    flags |= kVmDroppable | kVmNoReserve | kVmWipeOnFork | kVmDontDump;
  }
  if ((flags & (kVmWrite | kVmShared | kVmNoReserve | kVmHugeTlb)) == kVmWrite) flags |= kVmAccount;
  return flags;
}

bool asked_to_lock(const Mm& mm, const Map& event) {
  return (event.map_flags & kMapLocked) || (mm.def_flags & kVmLocked);
}

// Replays the unmapping that a failed MAP_FIXED has done before it failed.
void mmap_failed(Layer& layer, Mm& mm, const Map& event) {
  const std::uint64_t unit = length_unit(layer, event);
  const std::uint64_t len = event.len < ~unit ? (event.len + unit - 1) / unit * unit : 0;
  if (!(event.map_flags & kMapFixed) || len == 0 || !layer.valid_range(event.addr, len, event.ret))
    return;
  if (event.addr % unit != 0) return;  // refused before anything else
  if (event.ops & kOpsHole)
    do_munmap(layer, mm, event.addr, event.addr + len);
  else
    munmap_refused(layer, mm, event.addr, event.addr + len, event.ret);
}

// The vma that the call requests, as if it merged with nothing.
Vma new_vma(Layer& layer, const Mm& mm, const Map& event, std::uint64_t start, std::uint64_t end) {
  const bool read_back = (event.ops & kOpsUnread) == 0 && event.vm_flags != 0;
  // Mappings of huge pages have a file, whatever the flags say.
  const bool anonymous =
      event.file == 0 && (event.map_flags & (kMapAnonymous | kMapHugeTlb)) == kMapAnonymous;
  Vma fresh{.start = start, .end = end, .pgoff = event.pgoff, .mm = layer.mms.slot(mm)};
  fresh.flags = read_back ? event.vm_flags & ~(kVmSoftDirty | layer.rules.sticky)
                          : calc_vm_flags(layer, mm, event);
  fresh.file = static_cast<FileId>(read_back ? event.stored_file : event.file);
  fresh.ops = static_cast<std::uint32_t>(event.ops) & (kOpsAnonymous | kOpsClose | kOpsPlaces);
  if (anonymous && !is_shared(event)) {
    fresh.pgoff = layer.pages(start);
    fresh.ops |= kOpsAnonymous;
  }
  // Shared anonymous memory has a file of its own each time, which begins here.
  if (anonymous && is_shared(event)) fresh.pgoff = 0;
  if (anonymous && is_shared(event) && fresh.file == 0) fresh.file = layer.vmas.unnamed_file();
  if ((fresh.flags & kVmLocked) && !asked_to_lock(mm, event)) fresh.ops |= kOpsKeepsLock;
  return fresh;
}

// The range that looks for neighbours, before `fresh` is a vma.
VmaMerge range_of(Layer& layer, const Vma& fresh) {
  VmaMerge range = VmaMerge::like(fresh);
  if (!layer.rules.ksm_flag_first) range.flags &= ~kVmMergeable;
  return range;
}

}  // namespace

void mmap_region(Layer& layer, Mm& mm, const Map& event) {
  if (event.ret < 0) return mmap_failed(layer, mm, event);
  const auto start = static_cast<std::uint64_t>(event.ret);
  const std::uint64_t unit = length_unit(layer, event);
  if (event.len == 0 || !layer.valid_range(start, event.len) ||
      !layer.valid_range(start, event.len + unit))
    return;
  const std::uint64_t end = start + (event.len + unit - 1) / unit * unit;
  const Vma fresh = new_vma(layer, mm, event, start, end);
  if (!layer.valid_pgoff(fresh.pgoff)) return;

  const std::vector<VmaId> replaced = vms_gather_munmap_vmas(layer, mm, start, end);
  VmaMerge range = range_of(layer, fresh);
  range.file = static_cast<FileId>(event.file);
  const bool locks = asked_to_lock(mm, event);
  // The kernel takes VM_LOCKED from a droppable mapping only after it has looked for neighbours.
  if ((fresh.flags & kVmDroppable) && locks) range.flags |= kVmLocked;
  // A file that no descriptor named (shmat) is new, so nothing beside it can be the same.
  const bool new_file = event.file == 0 && fresh.file != 0;
  if (new_file || !vma_merge_new_range(layer, mm, layer.vmas.neighbours(mm, start), range))
    layer.vmas.insert(layer.vmas.alloc(fresh));
  for (const VmaId vma : replaced) layer.strategy.release(vma);

  const bool populates = (event.map_flags & (kMapPopulate | kMapNonBlock)) == kMapPopulate;
  const bool by_touch =
      layer.populates_by_touch(mm) || (layer.setting.own() && (event.ops & kOpsShared) != 0);
  if ((locks || populates) && !by_touch) mm_populate(layer, mm, start, end);
}

void do_brk_flags(Layer& layer, Mm& mm, const Brk& event) {
  if (event.ret < 0 || static_cast<std::uint64_t>(event.ret) != event.addr) return;  // refused
  const std::uint64_t old_end = layer.page_align(event.old_brk);
  const std::uint64_t new_end = layer.page_align(event.addr);
  if (!layer.valid_range(old_end, 0) || !layer.valid_range(new_end, 0)) return;
  if (new_end < old_end) do_munmap(layer, mm, new_end, old_end);
  if (new_end <= old_end) return;

  std::uint64_t flags = event.vm_flags & ~(kVmSoftDirty | layer.rules.sticky);
  if (flags == 0) flags = kVmRead | kVmWrite | kVmMayAccess | kVmAccount | mm.def_flags;
  const Vma fresh{.start = old_end,
                  .end = new_end,
                  .flags = flags,
                  .pgoff = layer.pages(old_end),
                  .mm = layer.mms.slot(mm),
                  .ops = kOpsAnonymous};
  VmaTable::Neighbours neighbours = layer.vmas.neighbours(mm, old_end);
  // The break never grows over a mapping.
  if (neighbours.next && layer.at(neighbours.next).start < new_end) return layer.impossible(mm);
  // Only the heap is extended, never the bss that may end where the heap begins.
  const bool extends_only = layer.rules.brk_extends_only;
  if (neighbours.prev && extends_only && layer.at(neighbours.prev).end <= mm.start_brk)
    neighbours.prev = {};
  if (!vma_merge_new_range(layer, mm, neighbours, range_of(layer, fresh), extends_only))
    layer.vmas.insert(layer.vmas.alloc(fresh));
  if ((flags & kVmLocked) && !layer.populates_by_touch(mm))
    mm_populate(layer, mm, old_end, new_end);
}

}  // namespace anonvma
