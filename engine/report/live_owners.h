// The owners of objects in the order and choice of the user.
#pragma once

#include <vector>

#include "engine/live/frame.h"
#include "engine/report/holders.h"
#include "engine/report/live_screen.h"

namespace anonvma {

// The owners that the filter lets pass, sorted. `total` is the sum of all.
struct LiveOwners {
  std::vector<HolderLine> lines;
  HolderLine total;
};
LiveOwners live_owners(const LiveFrame& frame, const LiveView& view);

}  // namespace anonvma
