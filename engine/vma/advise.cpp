#include "engine/vma/advise.h"

#include <algorithm>
#include <optional>

#include "engine/vma/fault.h"
#include "engine/vma/modify.h"

namespace anonvma {
namespace {

// New flags of a vma under an advice; nullopt if the call fails at this vma.
std::optional<std::uint64_t> advised_flags(const Vma& vma, std::uint64_t advice) {
  const std::uint64_t flags = vma.flags;
  switch (advice) {
    case kMadvNormal:
      return flags & ~(kVmSeqRead | kVmRandRead);
    case kMadvRandom:
      return (flags & ~kVmSeqRead) | kVmRandRead;
    case kMadvSequential:
      return (flags & ~kVmRandRead) | kVmSeqRead;
    case kMadvDontFork:
      return flags | kVmDontCopy;
    case kMadvDoFork:
      if (flags & kVmIo) return {};
      return flags & ~kVmDontCopy;
    case kMadvDontDump:
      return flags | kVmDontDump;
    case kMadvDoDump:
      if (((flags & kVmSpecial) && !(flags & kVmHugeTlb)) || (flags & kVmDroppable)) return {};
      return flags & ~kVmDontDump;
    case kMadvWipeOnFork:
      if (vma.file != 0 || (flags & kVmShared)) return {};
      return flags | kVmWipeOnFork;
    case kMadvKeepOnFork:
      if (flags & kVmDroppable) return {};
      return flags & ~kVmWipeOnFork;
    case kMadvHugePage:
      return (flags & ~kVmNoHugePage) | kVmHugePage;
    case kMadvNoHugePage:
      return (flags & ~kVmHugePage) | kVmNoHugePage;
    case kMadvMergeable:
      if (flags & (kVmShared | kVmMayShare | kVmSpecial | kVmHugeTlb | kVmDroppable)) return flags;
      return flags | kVmMergeable;
    case kMadvUnmergeable:
      return flags & ~kVmMergeable;
    default:
      return flags;
  }
}

// Discarding from a sealed vma that the program could not write to is refused.
bool advice_refused(const Vma& vma, std::uint64_t advice, std::uint64_t sealed) {
  const bool discards =
      advice == kMadvDontFork || advice == kMadvWipeOnFork || advice == kMadvGuardInstall;
  return discards && (vma.flags & sealed) && vma.anonymous() && !(vma.flags & kVmWrite);
}

void populate_write(Layer& layer, Mm& mm, const Advise& event, std::uint64_t end) {
  // For the recording kernel's own strategy, Touch events show how far a failed call came, as they
  // name the vmas that the kernel had.
  if ((event.ret < 0 && layer.setting.own()) || layer.populates_by_touch(mm)) return;
  // In contrast to mlock, populating ends at the first hole and at the first vma that is not
  // writable.
  std::uint64_t stop = event.addr;
  for (const VmaId id : layer.vmas.range(mm, event.addr, end)) {
    const Vma& vma = layer.at(id);
    if (vma.start > stop || (vma.flags & (kVmIo | kVmPfnMap)) || !(vma.flags & kVmWrite)) break;
    stop = vma.end;
  }
  mm_populate(layer, mm, event.addr, std::min(stop, end), 0);
}

void guard_install(Layer& layer, Mm& mm, const Advise& event, std::uint64_t end) {
  if (event.ret == kErrInval && layer.rules.sticky == 0) return;  // the kernel has no guard regions
  for (const VmaId id : layer.vmas.range(mm, event.addr, end)) {
    Vma& vma = layer.at(id);
    if (vma.flags & (kVmLocked | kVmSpecial | kVmHugeTlb)) break;
    if (advice_refused(vma, event.advice, layer.rules.sealed)) break;
    vma.flags |= layer.rules.sticky & kVmMaybeGuard;
    if (vma.anonymous() && !(vma.flags & kVmShared)) layer.rmap.prepare(id);
  }
}

}  // namespace

void do_madvise(Layer& layer, Mm& mm, const Advise& event) {
  const std::uint64_t len = layer.page_align(event.len);
  if (len == 0 || !layer.valid_range(event.addr, len, event.ret)) return;
  const std::uint64_t end = event.addr + len;
  if (event.advice == kMadvPopulateWrite) return populate_write(layer, mm, event, end);
  if (event.advice == kMadvGuardInstall) return guard_install(layer, mm, event, end);
  // A call that was refused for a reason unknown to the model (a limit, a bad advice) changed
  // nothing.
  if (event.ret < 0 && event.ret != kErrNoMem && event.ret != kErrInval && event.ret != kErrPerm)
    return;
  const auto flags_of = [&](const Vma& vma) -> std::optional<std::uint64_t> {
    if (event.ret == kErrPerm && advice_refused(vma, event.advice, layer.rules.sealed)) return {};
    return advised_flags(vma, event.advice);
  };
  bool refused = false;
  for (const VmaId id : layer.vmas.range(mm, event.addr, end))
    if (refused = !flags_of(layer.at(id)); refused) break;
  if ((event.ret == kErrInval || event.ret == kErrPerm) && !refused) return;
  walk_vmas(layer, mm, event.addr, end, false, [&](VmaId v) { return flags_of(layer.at(v)); });
}

// A hole refuses the whole call, so a call that succeeded sealed all of its range.
void do_mseal(Layer& layer, Mm& mm, const Seal& event) {
  const std::uint64_t len = layer.page_align(event.len);
  if (event.ret < 0 || len == 0 || !layer.valid_range(event.addr, len)) return;
  walk_vmas(layer, mm, event.addr, event.addr + len, true,
            [&](VmaId v) -> std::optional<std::uint64_t> {
              return layer.at(v).flags | layer.rules.sealed;
            });
}

// Only anonymous memory has names, and from 6.2 on shared anonymous memory, too: a call is refused at
// the first other vma, with EBADF. It goes on behind holes.
void set_anon_vma_name(Layer& layer, Mm& mm, const Name& event) {
  const std::uint64_t len = layer.page_align(event.len);
  if (len == 0 || !layer.valid_range(event.addr, len, event.ret)) return;
  if (event.ret < 0 && event.ret != kErrNoMem && event.ret != kErrBadF) return;
  const auto text = static_cast<std::uint32_t>(event.vma_name);
  walk_ranges(layer, mm, event.addr, event.addr + len, false,
              [&](VmaId vma, std::uint64_t from, std::uint64_t to) -> VmaId {
                if (event.ret == kErrBadF && layer.at(vma).file != 0) return {};
                if (layer.at(vma).name == text) return vma;
                VmaMerge range = range_of(layer, vma, from, to, layer.at(vma).flags);
                range.name = text;
                return vma_modify(layer, mm, range);
              });
}

}  // namespace anonvma
