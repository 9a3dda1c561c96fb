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

bool Kin::has_more(const Relatives& kin) const {
  const std::uint64_t together = degree_ ? kin.active_seen : 0;
  return kin.active > kin.active_seen || kin.children > kin.children_seen.size() + together;
}

std::uint64_t Kin::elsewhere() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(of_, [this](const auto& of) { return has_more(of.second); }));
}

bool Kin::is_elsewhere(AnonVmaId id) const {
  const auto found = of_.find(id.v);
  return found != of_.end() && has_more(found->second);
}

}  // namespace anonvma
