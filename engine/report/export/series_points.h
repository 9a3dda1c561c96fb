// Visits the points of timelines.
#pragma once

#include <cstdint>

#include "engine/replay/result.h"

namespace anonvma {

// True for a cache of released kernels, and for another one that the design used.
bool has_series(const ReplayResult& row, std::size_t cache);

// Calls visit(start_ns, point) for each point.
template <class Visit>
void each_point(const ReplayResult& row, const Visit& visit) {
  if (!row.timeline) return;
  std::uint64_t start_ns = 0;
  for (const TimelinePoint& point : row.timeline->points()) {
    visit(start_ns, point);
    start_ns += row.timeline->width_ns();
  }
}

}  // namespace anonvma
