// Splitting, and changing the flags of a part of a vma: __split_vma(), vma_modify() of mm/vma.c.
#include "engine/vma/address_spaces.h"

namespace anonvma {

VmaId AddressSpaces::split(Mm& mm, VmaId vma, std::uint64_t addr, bool fresh_below) {
  Vma copy = at(vma);
  if (fresh_below) {
    copy.end = addr;
  } else {
    copy.start = addr;
    copy.pgoff += pages(addr - at(vma).start);
  }
  const VmaId fresh = alloc_vma(copy);
  strategy_->clone(fresh, vma, CloneOp::split);
  lock_layer({.vma = vma, .inserts = true, .start_moves = fresh_below});
  if (fresh_below)
    set_start(vma, addr, true);
  else
    set_end(mm, vma, addr);
  insert_vma(mm, fresh);
  moved(fresh, vma, copy.pgoff, pages(copy.end - copy.start), Watcher::Move::split);
  return fresh;
}

AddressSpaces::Proposal AddressSpaces::part(VmaId vma, std::uint64_t start, std::uint64_t end,
                                            std::uint64_t flags) const {
  const Vma& v = at(vma);
  return {.start = start,
          .end = end,
          .flags = flags,
          .pgoff = v.pgoff + pages(start - v.start),
          .file = v.file,
          .policy = v.policy,
          .context = v.context,
          .displaced = v.displaced,
          .anon = vma,
          .middle = vma,
          .copied = {}};
}

VmaId AddressSpaces::modify(Mm& mm, VmaId vma, std::uint64_t start, std::uint64_t end,
                            std::uint64_t flags) {
  return modify(mm, vma, part(vma, start, end, flags));
}

VmaId AddressSpaces::modify(Mm& mm, VmaId vma, const Proposal& range) {
  mm.rule = "changed range merges with neither side";
  VmaId changed = merge_existing(mm, vma, range);
  if (!changed) {
    if (at(vma).start < range.start) split(mm, vma, range.start, true);
    if (at(vma).end > range.end) split(mm, vma, range.end, false);
    changed = vma;
    at(changed).policy = range.policy;
    at(changed).context = range.context;
  }
  at(changed).flags = range.flags | (at(changed).flags & rules_.sticky);
  return changed;
}

}  // namespace anonvma
