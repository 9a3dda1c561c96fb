#include "tracers/convert/rcu_vmas.h"

namespace anonvma {
namespace {

constexpr std::uint64_t kLongestNs = 60'000'000'000;  // the kernel reports an RCU stall earlier

}  // namespace

void RcuVmas::allocated(const anonvma_truth_record& r) {
  const bool own = r.in_exec == 0 && r.forking == 0;
  vmas_[r.object] = {++now_, own ? r.head.mm : 0, r.in_exec != 0 ? r.head.tid : 0};
}

void RcuVmas::shown(std::uint64_t address, std::uint32_t tgid,
                    const std::unordered_set<std::uint64_t>& vmas,
                    const std::vector<std::uint64_t>& recent) {
  for (const std::uint64_t object : recent) {
    const auto found = vmas_.find(object);
    if (found == vmas_.end() || vmas.contains(object)) continue;
    const Vma& vma = found->second;
    if (vma.mm == address || (vma.exec != 0 && vma.exec == tgid)) vmas_.erase(found);
  }
  for (const std::uint64_t object : vmas) vmas_.try_emplace(object, Vma{++now_, address, 0});
}

void RcuVmas::retired(std::uint64_t address, MmId mm, std::uint64_t time_ns) {
  std::deque<Retired>& past = retired_[address];
  while (!past.empty() && past.front().time_ns + kLongestNs < time_ns) past.pop_front();
  past.push_back({++now_, mm, time_ns});
}

std::optional<RcuVmas::Owner> RcuVmas::freed(const anonvma_truth_record& r) {
  const auto node = vmas_.extract(r.object);
  if (node.empty()) return std::nullopt;
  const Vma& vma = node.mapped();
  Owner owner{std::nullopt, vma.exec};
  if (const auto past = retired_.find(r.head.mm); past != retired_.end())
    for (const Retired& end : past->second)
      if (end.at > vma.born) {
        owner.gone = end.mm;
        break;
      }
  return owner;
}

}  // namespace anonvma
