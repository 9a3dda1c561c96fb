#include "tracers/rewalks.h"

#include <cstddef>

namespace anonvma {
namespace {

constexpr std::uint64_t kRewalkAfter = 200'000'000;  // the shortest time between two walks of an mm
constexpr std::size_t kMostAtOnce = 8;

bool shows_state(const Snapshot& snapshot) {
  return snapshot.reason == static_cast<std::uint64_t>(SnapReason::unknown_write) ||
         snapshot.reason == static_cast<std::uint64_t>(SnapReason::resync);
}

}  // namespace

void Rewalks::note(const Event& event) {
  const MmId mm = event.head.mm;
  if (type_of(event.body) == EventType::exit_mmap) {
    stale_.erase(mm);
    walked_at_.erase(mm);
  } else if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) {
    if (shows_state(*snapshot)) stale_.erase(mm);
  } else if (std::holds_alternative<UnknownWrite>(event.body) && !stale_.contains(mm)) {
    const auto last = walked_at_.find(mm);
    stale_[mm] = last == walked_at_.end() ? 0 : last->second + kRewalkAfter;
  }
}

std::vector<MmId> Rewalks::due(std::uint64_t now_ns) {
  std::vector<MmId> due;
  for (const auto& [mm, when] : stale_)
    if (when <= now_ns && due.size() < kMostAtOnce) due.push_back(mm);
  for (const MmId mm : due) {
    stale_.erase(mm);
    walked_at_[mm] = now_ns;
  }
  return due;
}

}  // namespace anonvma
