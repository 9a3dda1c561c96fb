// munmap: vms_gather_munmap_vmas() and what follows it in mm/vma.c.
#include "engine/vma/address_spaces.h"

namespace anonvma {

// Splits at both edges, unlinks everything in [start, end) in ascending order and takes it out of
// the list. The caller releases the structs: mmap over an old mapping frees them only after the
// new one stands.
std::vector<VmaId> AddressSpaces::detach(Mm& mm, std::uint64_t start, std::uint64_t end) {
  std::vector<VmaId> gone;
  std::size_t i = mm.list.find(start);
  if (start >= end || i == mm.list.size() || at(mm.list[i]).start >= end) return gone;

  const bool fresh_stays = rules_.munmap_frees_original;
  if (at(mm.list[i]).start < start) split(mm, mm.list[i], start, fresh_stays);
  const std::size_t first = mm.list.find(start);
  for (i = first; i < mm.list.size() && at(mm.list[i]).start < end; ++i) {
    if (at(mm.list[i]).end > end) split(mm, mm.list[i], end, !fresh_stays);
    gone.push_back(mm.list[i]);
  }
  slab_.worked(gone.size() + mm.list.distance(first) / kMovesPerStep);
  for (const VmaId vma : gone) unlink(vma);
  mm.list.erase(first, gone.size());
  mm.last = {};
  return gone;
}

void AddressSpaces::munmap(Mm& mm, std::uint64_t start, std::uint64_t end) {
  for (const VmaId vma : detach(mm, start, end)) strategy_->release(vma);
}

bool AddressSpaces::holds_sealed(const Mm& mm, std::uint64_t start, std::uint64_t end) const {
  for (std::size_t i = mm.list.find(start); i < mm.list.size(); ++i) {
    slab_.worked(1);
    const Vma& vma = at(mm.list[i]);
    if (vma.start >= end) return false;
    if (vma.flags & rules_.sealed) return true;
  }
  return false;
}

bool AddressSpaces::splits_huge(const Vma& vma, std::uint64_t addr) const {
  return (vma.flags & kVmHugeTlb) && vma.start < addr && addr < vma.end &&
         addr % kDefaultHugePage != 0;
}

// A sealed vma stops munmap (-EPERM), and so does one of huge pages that would be cut inside of one
// (-EINVAL). By then the first vma may have been split already, and stays so.
void AddressSpaces::munmap_refused(Mm& mm, std::uint64_t start, std::uint64_t end,
                                   std::int64_t ret) {
  const std::size_t i = mm.list.find(start);
  if (i == mm.list.size() || at(mm.list[i]).start >= start) return;
  const VmaId first = mm.list[i];
  bool stopped =
      ret == kErrPerm && !(at(first).flags & rules_.sealed) && holds_sealed(mm, start, end);
  if (ret == kErrInval && !splits_huge(at(first), start)) {
    const VmaId last = find_vma(mm, end);
    stopped = last && splits_huge(at(last), end);
  }
  if (stopped) split(mm, first, start, rules_.munmap_frees_original);
}

}  // namespace anonvma
