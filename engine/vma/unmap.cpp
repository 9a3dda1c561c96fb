#include "engine/vma/unmap.h"

#include <algorithm>

#include "engine/vma/modify.h"
#include "engine/vma/pages.h"

namespace anonvma {

std::vector<VmaId> vms_gather_munmap_vmas(Layer& layer, Mm& mm, std::uint64_t start,
                                          std::uint64_t end) {
  std::vector<VmaId> gone;
  if (start >= end) return gone;
  const VmaId first = layer.vmas.find_vma(mm, start);
  if (!first || layer.at(first).start >= end) return gone;

  const bool new_stays = layer.rules.munmap_frees_original;
  if (layer.at(first).start < start) split_vma(layer, first, start, new_stays);
  std::size_t i = mm.list.find(start);
  for (; i < mm.list.size() && layer.at(mm.list[i]).start < end; ++i) {
    if (layer.at(mm.list[i]).end > end) split_vma(layer, mm.list[i], end, !new_stays);
    gone.push_back(mm.list[i]);
  }
  for (const VmaId vma : gone) unlink_anon_vmas(layer, vma);
  layer.vmas.erase_range(mm, start, gone.size());
  return gone;
}

void do_munmap(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end) {
  for (const VmaId vma : vms_gather_munmap_vmas(layer, mm, start, end)) layer.strategy.release(vma);
}

bool holds_sealed(Layer& layer, const Mm& mm, std::uint64_t start, std::uint64_t end) {
  for (const VmaId id : layer.vmas.range(mm, start, end))
    if (layer.at(id).flags & layer.rules.sealed) return true;
  return false;
}

bool splits_huge(const Layer& layer, const Vma& vma, std::uint64_t addr) {
  return (vma.flags & kVmHugeTlb) && vma.start < addr && addr < vma.end &&
         (addr & (layer.setting.huge_page_bytes - 1)) != 0;
}

// A sealed vma stops munmap (-EPERM), and so does a cut through a huge page (-EINVAL). By then the
// first vma may have been split already, and stays so.
void munmap_refused(Layer& layer, Mm& mm, std::uint64_t start, std::uint64_t end,
                    std::int64_t ret) {
  const VmaId first = layer.vmas.find_vma(mm, start);
  if (!first || layer.at(first).start >= start) return;
  bool stopped = ret == kErrPerm && !(layer.at(first).flags & layer.rules.sealed) &&
                 holds_sealed(layer, mm, start, end);
  if (ret == kErrInval && !splits_huge(layer, layer.at(first), start)) {
    const VmaId last = layer.vmas.vma_lookup(mm, end);
    stopped = last && splits_huge(layer, layer.at(last), end);
  }
  if (stopped) split_vma(layer, first, start, layer.rules.munmap_frees_original);
}

}  // namespace anonvma
