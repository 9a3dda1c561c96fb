// The objects of one replay over time, in a bounded number of points.
//
// A point covers a span of time. All spans are equally long, begin at time 0 of the trace and have no
// gap. When there would be too many points, each two neighbours become one of twice the width. So
// the points depend only on the operations and on the time of the last one, and not on how often
// points were joined.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/slab/cache.h"

namespace anonvma {

using ObjsByAnyCache = std::array<std::uint64_t, kAllCaches>;

// A point has what was seen between two operations within one span. A span without an operation has the
// values of the moment before it.
struct TimelinePoint {
  ObjsByAnyCache last{}, max{};                 // objects; each cache has a maximum of its own
  std::uint64_t last_bytes = 0, max_bytes = 0;  // all caches together, objects times objsize
  friend bool operator==(const TimelinePoint&, const TimelinePoint&) = default;
};

class Timeline {
 public:
  static constexpr std::size_t kMostPoints = 2048;
  static constexpr std::uint64_t kFirstWidthNs = 1000;

  // Adds the state after an operation. The clocks of CPUs differ a little: an operation that is
  // older than the last point counts for the last point.
  void take(std::uint64_t time_ns, const ObjsByAnyCache& objs, std::uint64_t bytes) {
    if (time_ns >= end_ns_) go_on_to(time_ns);
    add(objs, bytes);
  }
  // Begins anew, with objects that were alive before the trace began.
  void begin_with(const ObjsByAnyCache& objs, std::uint64_t bytes) {
    *this = {};
    take(0, objs, bytes);
  }
  // Joins neighbours until at most `most` points are left, `most` being at least 1.
  void shrink(std::size_t most);

  // Point i covers the time from i * width_ns() on.
  std::uint64_t width_ns() const { return width_ns_; }
  const std::vector<TimelinePoint>& points() const { return points_; }
  friend bool operator==(const Timeline&, const Timeline&) = default;

 private:
  void go_on_to(std::uint64_t time_ns);
  void add(const ObjsByAnyCache& objs, std::uint64_t bytes);
  void halve();

  std::uint64_t width_ns_ = kFirstWidthNs;
  std::uint64_t end_ns_ = 0;  // of the last point
  std::vector<TimelinePoint> points_;
};

}  // namespace anonvma
