#include "engine/verify/rcu_wait.h"

#include <fmt/format.h>

namespace anonvma {
namespace {
// The longest time of a grace period and the callbacks queued for it.
constexpr std::uint64_t kGraceNs = 1'000'000'000;
}  // namespace

void RcuWait::wait_for(MmId mm, Book& book, const std::string& where) {
  std::uint64_t& kernel = book.kernel.frees[kVmAreaStruct];
  const std::uint64_t model = book.model.frees[kVmAreaStruct];
  if (static_cast<std::int64_t>(model - kernel) <= 0) return;
  waiting_[mm] = {model - kernel, book.gave_up_ns, where};
  kernel = model;
}

bool RcuWait::came_back(MmId mm) {
  const auto found = waiting_.find(mm);
  if (found == waiting_.end()) return false;
  ++books_.kernel().frees[kVmAreaStruct];
  if (--found->second.vmas == 0) waiting_.erase(found);
  return true;
}

void RcuWait::settle(std::uint64_t end_ns, Lanes& lanes) {
  for (const auto& [mm, waiting] : waiting_) {
    if (waiting.since_ns + kGraceNs >= end_ns) {
      cut_off_ += waiting.vmas;
      books_.kernel().frees[kVmAreaStruct] += waiting.vmas;
      continue;
    }
    --lanes[Lanes::kPerMm].equal;
    lanes.differ(fmt::format("{}: the kernel never freed {} vma of those that the model did",
                             waiting.where, waiting.vmas));
  }
}

}  // namespace anonvma
