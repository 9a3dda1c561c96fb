// fork and exit: dup_mmap() of kernel/fork.c (mm/mmap.c from 6.13), exit_mmap() of mm/mmap.c.
#include "engine/vma/address_spaces.h"

namespace anonvma {

void AddressSpaces::fork(Mm& parent, const Fork& event) {
  const std::uint32_t parent_slot = slot(parent);
  if (birth(event.child) == nullptr) return;  // may move mms_
  Mm& from = mms_[parent_slot];
  Mm& child = *find_mm(event.child);
  const std::uint32_t child_slot = slot(child);
  child.def_flags = from.def_flags & kVmNoHugePage;  // what mlockall set is not inherited
  child.comm = from.comm;
  VmaId child_prev;
  for (std::size_t i = 0; i < from.list.size(); ++i) {
    const VmaId source = from.list[i];
    Vma copy = at(source);
    if (copy.flags & kVmDontCopy) continue;
    copy.mm = child_slot;
    const VmaId fresh = alloc_vma(copy);
    if (copy.flags & kVmWipeOnFork)
      strategy_->fork_wiped(fresh, source);
    else
      strategy_->fork(fresh, source, child_prev);
    if (copy.flags & kVmUffdMask) at(fresh).context = 0;
    at(fresh).flags &= ~(kVmLockedMask | kVmUffdMask);
    child.list.append(copy.end, fresh);
    child_prev = fresh;
  }
}

void AddressSpaces::exit_mmap(Mm& mm) {
  for (std::size_t i = 0; i < mm.list.size(); ++i) strategy_->unlink(mm.list[i]);
  for (std::size_t i = 0; i < mm.list.size(); ++i) strategy_->release(mm.list[i]);
  mm.list.clear();
  mm.last = {};
  slot_of_.erase(mm.id.v);
  last_mm_ = {};
  free_mms_.push_back(slot(mm));
}

}  // namespace anonvma
