#include "engine/verify/kin.h"

#include <algorithm>

namespace anonvma {

void Kin::attached(const MmSnapshot& snapshot) {
  for (const VmaSnapshot& vma : snapshot.vmas) {
    if (vma.vma.anon_vma) ++of_[vma.vma.anon_vma.v].active_seen;
    for (const SnapChain& link : vma.chain) {
      Relatives& kin = of_[link.anon_vma.v];
      kin.active = link.num_active_vmas;
      kin.children = link.num_children;
      if (link.parent) of_[link.parent.v].children_seen.insert(link.anon_vma.v);
    }
  }
}

std::uint64_t Kin::elsewhere() const {
  const auto more = [this](const auto& of) {
    const Relatives& kin = of.second;
    const std::uint64_t together = degree_ ? kin.active_seen : 0;
    return kin.active > kin.active_seen || kin.children > kin.children_seen.size() + together;
  };
  return static_cast<std::uint64_t>(std::count_if(of_.begin(), of_.end(), more));
}

}  // namespace anonvma
