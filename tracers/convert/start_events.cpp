#include "tracers/convert/start_events.h"

#include <utility>

namespace anonvma {

void StartEvents::add(const Event& event) {
  (parts_.contains(event) ? snapshots_ : others_).push_back(event);
}

void StartEvents::release(const std::function<bool(MmId)>& left_out,
                          const std::function<void(const Event&)>& sink) {
  for (std::vector<Event>* const events : {&snapshots_, &others_})
    for (const Event& event : std::exchange(*events, {}))
      if (!left_out(event.head.mm)) sink(event);
}

}  // namespace anonvma
