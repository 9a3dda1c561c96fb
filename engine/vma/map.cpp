// mmap and brk: mmap_region() and do_brk_flags() of mm/vma.c.
#include "engine/vma/address_spaces.h"

namespace anonvma {
namespace {

bool is_shared(const Map& event) {
  const std::uint64_t kind = event.map_flags & kMapTypeMask;
  return kind == kMapShared || kind == kMapSharedValidate;
}

// hugetlb lengths are rounded up to the huge page size.
std::uint64_t length_unit(const Map& event, std::uint64_t page_size) {
  if (((event.map_flags & kMapHugeTlb) | (event.vm_flags & kVmHugeTlb)) == 0) return page_size;
  const std::uint64_t log2 = (event.map_flags >> kMapHugeShift) & kMapHugeMask;
  return log2 >= 12 && log2 <= 40 ? 1ull << log2 : kDefaultHugePage;
}

}  // namespace

// What the kernel computes from the arguments, for a mapping that could not be read back.
std::uint64_t AddressSpaces::map_flags(const Mm& mm, const Map& event) const {
  std::uint64_t flags = (event.prot & kVmAccess) | kVmMayAccess | mm.def_flags;
  const auto translate = [&](std::uint64_t map_flag, std::uint64_t vm_flag) {
    if (event.map_flags & map_flag) flags |= vm_flag;
  };
  translate(kMapGrowsDown, kVmGrowsDown);
  translate(kMapLocked, kVmLocked);
  translate(kMapSync, kVmSync);
  translate(kMapNoReserve, kVmNoReserve);
  translate(kMapHugeTlb, kVmHugeTlb | kVmNoReserve);
  if (rules_.map_stack_nohugepage) translate(kMapStack, kVmNoHugePage);
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

// What MAP_FIXED does before it fails.
void AddressSpaces::map_failed(Mm& mm, const Map& event) {
  const std::uint64_t unit = length_unit(event, page_mask_ + 1);
  const std::uint64_t len = event.len < ~unit ? (event.len + unit - 1) / unit * unit : 0;
  if (!(event.map_flags & kMapFixed) || len == 0 || !valid_range(event.addr, len, event.ret))
    return;
  if (event.addr % unit != 0) return;  // refused before anything else
  if (event.ops & kOpsHole)
    munmap(mm, event.addr, event.addr + len);
  else
    munmap_refused(mm, event.addr, event.addr + len, event.ret);
}

void AddressSpaces::map(Mm& mm, const Map& event) {
  if (event.ret < 0) return map_failed(mm, event);
  const auto start = static_cast<std::uint64_t>(event.ret);
  const std::uint64_t unit = length_unit(event, page_mask_ + 1);
  if (event.len == 0 || !valid_range(start, event.len) || !valid_range(start, event.len + unit))
    return;
  const std::uint64_t end = start + (event.len + unit - 1) / unit * unit;

  const bool read_back = (event.ops & kOpsUnread) == 0 && event.vm_flags != 0;
  // Huge pages come from a file, whatever the flags say.
  const bool anonymous =
      event.file == 0 && (event.map_flags & (kMapAnonymous | kMapHugeTlb)) == kMapAnonymous;
  Vma fresh{.start = start, .end = end, .flags = 0, .pgoff = event.pgoff, .mm = slot(mm)};
  fresh.flags = read_back ? event.vm_flags & ~(kVmSoftDirty | rules_.sticky) : map_flags(mm, event);
  fresh.file = static_cast<FileId>(read_back ? event.stored_file : event.file);
  fresh.ops = static_cast<std::uint32_t>(event.ops) & (kOpsAnonymous | kOpsClose | kOpsPlaces);
  if (anonymous && !is_shared(event)) {
    fresh.pgoff = pages(start);
    fresh.ops |= kOpsAnonymous;
  }
  // Shared anonymous memory has a file of its own each time, which begins here.
  if (anonymous && is_shared(event)) fresh.pgoff = 0;
  if (anonymous && is_shared(event) && fresh.file == 0)
    fresh.file = kUnnamedFile | ++unnamed_files_;
  if (!valid_pgoff(fresh.pgoff)) return;

  const bool asked_to_lock = (event.map_flags & kMapLocked) || (mm.def_flags & kVmLocked);
  if ((fresh.flags & kVmLocked) && !asked_to_lock) fresh.ops |= kOpsKeepsLock;

  const std::vector<VmaId> replaced = detach(mm, start, end);
  const std::size_t i = mm.list.find(start);
  // The kernel takes VM_LOCKED from a droppable mapping only after it has looked for neighbours.
  const std::uint64_t dropped = (fresh.flags & kVmDroppable) && asked_to_lock ? kVmLocked : 0;
  const Proposal range{.start = start,
                       .end = end,
                       .flags = fresh.flags | dropped,
                       .pgoff = fresh.pgoff,
                       .file = static_cast<FileId>(event.file),
                       .policy = 0,
                       .context = 0,
                       .anon = {},
                       .middle = {},
                       .copied = {}};
  const VmaId prev_vma = i > 0 ? mm.list[i - 1] : VmaId{};
  const VmaId next_vma = i < mm.list.size() ? mm.list[i] : VmaId{};
  // A file that no descriptor named (shmat) is new, so nothing beside it can be the same.
  const bool new_file = event.file == 0 && fresh.file != 0;
  if (new_file || !merge_new(mm, prev_vma, next_vma, range, false))
    insert_vma(mm, alloc_vma(fresh));
  for (const VmaId vma : replaced) strategy_->release(vma);

  const bool populates = (event.map_flags & (kMapPopulate | kMapNonBlock)) == kMapPopulate;
  const bool told =
      populates_as_told(mm) || (setting_.role == Role::own && (event.ops & kOpsShared) != 0);
  if ((asked_to_lock || populates) && !told) populate(mm, start, end);
}

void AddressSpaces::brk(Mm& mm, const Brk& event) {
  if (event.ret < 0 || static_cast<std::uint64_t>(event.ret) != event.addr) return;  // refused
  const std::uint64_t old_end = page_align(event.old_brk);
  const std::uint64_t new_end = page_align(event.addr);
  if (!valid_range(old_end, 0) || !valid_range(new_end, 0)) return;
  if (new_end < old_end) munmap(mm, new_end, old_end);
  if (new_end <= old_end) return;

  std::uint64_t flags = event.vm_flags & ~(kVmSoftDirty | rules_.sticky);
  if (flags == 0) flags = kVmRead | kVmWrite | kVmMayAccess | kVmAccount | mm.def_flags;
  const Proposal range{.start = old_end,
                       .end = new_end,
                       .flags = flags,
                       .pgoff = pages(old_end),
                       .file = 0,
                       .policy = 0,
                       .context = 0,
                       .anon = {},
                       .middle = {},
                       .copied = {}};
  const std::size_t i = mm.list.find(old_end);
  if (i < mm.list.size() && at(mm.list[i]).start < new_end) {
    return impossible(mm);  // the break never grows over a mapping
  }
  VmaId prev_vma = i > 0 ? mm.list[i - 1] : VmaId{};
  const VmaId next_vma = i < mm.list.size() ? mm.list[i] : VmaId{};
  // Only the heap is extended, never the bss that may end where the heap begins.
  if (prev_vma && rules_.brk_extends_only && at(prev_vma).end <= mm.start_brk) prev_vma = {};
  if (!merge_new(mm, prev_vma, next_vma, range, rules_.brk_extends_only)) {
    insert_vma(mm, alloc_vma({.start = old_end,
                              .end = new_end,
                              .flags = flags,
                              .pgoff = range.pgoff,
                              .mm = slot(mm),
                              .file = 0,
                              .ops = kOpsAnonymous}));
  }
  if ((flags & kVmLocked) && !populates_as_told(mm)) populate(mm, old_end, new_end);
}

}  // namespace anonvma
