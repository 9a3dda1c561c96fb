#include "tracers/start.h"

#include <utility>

namespace anonvma {

void Start::add(const Event& event) {
  const EventType type = type_of(event.body);
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body))
    in_snapshot_ = snapshot->reason == static_cast<std::uint64_t>(SnapReason::attach);
  else if (type != EventType::snap_vma && type != EventType::snap_chain)
    in_snapshot_ = false;
  (in_snapshot_ ? snapshots_ : others_).push_back(event);
}

void Start::end(const std::function<bool(MmId)>& replaced,
                const std::function<void(const Event&)>& sink) {
  active_ = false;
  for (std::vector<Event>* const events : {&snapshots_, &others_})
    for (const Event& event : std::exchange(*events, {}))
      if (!replaced(event.head.mm)) sink(event);
}

}  // namespace anonvma
