#include "engine/look/carriers.h"

#include <map>
#include <set>

namespace anonvma {
namespace {

class Ways {
 public:
  Ways(const AnonVmaCensus& entry, std::span<const Carried> forks) {
    for (const Carried& fork : forks) came_.emplace(fork.to, fork);
    for (const VmaLink& link : entry.links) {
      ++vmas_[link.mm];
      keep_way_to(link.mm);
    }
  }
  std::vector<CarryingMm> in_order(const Lives& lives, std::uint64_t events) {
    for (const MmId top : tops_) add(top, 0, lives, events);
    return std::move(out_);
  }

 private:
  // An mm is forked once, so each way up is one, and a file cannot make it a ring: `kept_` ends it.
  void keep_way_to(MmId mm) {
    while (kept_.insert(mm).second) {
      const auto came = came_.find(mm);
      if (came == came_.end()) {
        tops_.push_back(mm);
        return;
      }
      children_[came->second.from].push_back(mm);
      mm = came->second.from;
    }
  }
  // Not recursive: a chain of forks may be as long as the trace.
  void add(MmId top, std::size_t depth, const Lives& lives, std::uint64_t events) {
    std::vector<std::pair<MmId, std::size_t>> open{{top, depth}};
    while (!open.empty()) {
      const auto [mm, below] = open.back();
      open.pop_back();
      CarryingMm& one = out_.emplace_back();
      if (const MmLife* life = lives.find(mm))
        one.mm = *life;
      else
        one.mm.mm = mm;
      one.depth = below;
      if (const auto came = came_.find(mm); came != came_.end()) one.fork_ns = came->second.ns;
      if (const auto vmas = vmas_.find(mm); vmas != vmas_.end()) one.vmas = vmas->second;
      one.alive = one.mm.alive_after(events);
      const std::vector<MmId>& next = children_[mm];
      for (auto child = next.rbegin(); child != next.rend(); ++child)
        open.emplace_back(*child, below + 1);
    }
  }

  std::map<MmId, Carried> came_;        // by child
  std::map<MmId, std::uint64_t> vmas_;  // linked now
  std::map<MmId, std::vector<MmId>> children_;
  std::set<MmId> kept_;
  std::vector<MmId> tops_;
  std::vector<CarryingMm> out_;
};

}  // namespace

std::vector<CarryingMm> carriers(const AnonVmaCensus& entry, std::span<const Carried> forks,
                                 const Lives& lives, std::uint64_t events) {
  return Ways(entry, forks).in_order(lives, events);
}

}  // namespace anonvma
