#include "tracers/convert/relatives.h"

#include <cstddef>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace anonvma {
namespace {

std::unordered_set<std::uint64_t> roots_of(const WalkedMm& mm) {
  std::unordered_set<std::uint64_t> roots;
  for (const WalkedVma& vma : mm.vmas)
    for (const anonvma_walk_avc& entry : vma.chain) roots.insert(entry.root);
  return roots;
}

}  // namespace

std::set<std::uint32_t> with_relatives(std::set<std::uint32_t> tgids,
                                       std::span<const WalkedMm> mms) {
  std::vector<std::unordered_set<std::uint64_t>> roots;                 // of each mm
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> holders;  // of each root
  std::vector<std::size_t> open;
  std::unordered_set<std::size_t> reached;
  for (std::size_t i = 0; i < mms.size(); ++i) {
    for (const std::uint64_t root : roots.emplace_back(roots_of(mms[i])))
      holders[root].push_back(i);
    if (tgids.contains(mms[i].head.local_tgid)) open.push_back(i);
  }
  reached.insert(open.begin(), open.end());
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    tgids.insert(mms[at].head.local_tgid);
    for (const std::uint64_t root : roots[at])
      for (const std::size_t other : std::exchange(holders[root], {}))
        if (reached.insert(other).second) open.push_back(other);
  }
  return tgids;
}

}  // namespace anonvma
