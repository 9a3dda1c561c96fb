#include "tracers/start.h"

#include <utility>

namespace anonvma {

void Start::add(const Event& event) {
  (parts_.contains(event) ? snapshots_ : others_).push_back(event);
}

void Start::end(const std::function<bool(MmId)>& replaced,
                const std::function<void(const Event&)>& sink) {
  active_ = false;
  for (std::vector<Event>* const events : {&snapshots_, &others_})
    for (const Event& event : std::exchange(*events, {}))
      if (!replaced(event.head.mm)) sink(event);
}

}  // namespace anonvma
