#include "tracers/resync.h"

#include <utility>

namespace anonvma {

void Resync::begin() {
  in_round_ = true;
  parts_ = SnapshotParts(SnapReason::resync);
}

// A reader of snapshots does not see objects of the truth lane and texts.
void Resync::pass(const Event& event) {
  const bool unseen =
      std::holds_alternative<Truth>(event.body) || std::holds_alternative<Text>(event.body);
  set_left_last_ = set_left_last_ && unseen;
  sink_(event);
}

// True if the event comes after a snapshot of the set. An mm that is born there waits as well.
bool Resync::waits(const Event& event) {
  const bool behind = held_.contains(event.head.mm);
  if (const auto* fork = std::get_if<Fork>(&event.body); fork != nullptr && behind)
    held_.insert(fork->child);
  const auto* const exec = std::get_if<Exec>(&event.body);
  if (exec == nullptr || !held_.contains(exec->old_mm)) return behind;
  held_.insert(event.head.mm);
  return true;
}

void Resync::add(const Event& event) {
  if (!in_round_) return pass(event);
  if (parts_.contains(event)) {
    held_.insert(event.head.mm);
    return set_.push_back(event);
  }
  const bool behind = waits(event);
  if (const auto* lost = std::get_if<Lost>(&event.body);
      lost != nullptr && !event.head.mm && lost->unnamed == 0) {  // taints before and after the set
    Event again = event;
    std::get<Lost>(again.body).count = 0;
    behind_.push_back(again);
  }
  if (behind)
    behind_.push_back(event);
  else
    pass(event);
}

void Resync::end() {
  in_round_ = false;
  held_.clear();
  // Two sets in a row would be taken for one set.
  if (!set_.empty() && set_left_last_)
    pass({{set_.front().head.time_ns, 0, {}, 0, 0}, Lost{0, 0, 0, 1}});
  const bool any = !set_.empty();
  for (const Event& event : std::exchange(set_, {})) sink_(event);
  set_left_last_ = any || set_left_last_;
  for (const Event& event : std::exchange(behind_, {})) pass(event);
}

}  // namespace anonvma
