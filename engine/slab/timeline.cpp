#include "engine/slab/timeline.h"

#include <algorithm>

namespace anonvma {
namespace {

void raise(TimelinePoint& point, const ObjsByAnyCache& objs, std::uint64_t bytes) {
  for (std::size_t c = 0; c < kAllCaches; ++c) point.max[c] = std::max(point.max[c], objs[c]);
  point.max_bytes = std::max(point.max_bytes, bytes);
}

}  // namespace

void Timeline::add(const ObjsByAnyCache& objs, std::uint64_t bytes) {
  TimelinePoint& point = points_.back();
  point.last = objs;
  point.last_bytes = bytes;
  raise(point, objs, bytes);
}

void Timeline::go_on_to(std::uint64_t time_ns) {
  while (time_ns / width_ns_ >= kMostPoints) halve();
  const std::size_t points = time_ns / width_ns_ + 1;
  TimelinePoint idle;  // a span without an operation
  if (!points_.empty()) {
    idle.last = idle.max = points_.back().last;
    idle.last_bytes = idle.max_bytes = points_.back().last_bytes;
  }
  points_.resize(std::max(points, points_.size()), idle);
  end_ns_ = points_.size() * width_ns_;
}

void Timeline::halve() {
  const std::size_t half = (points_.size() + 1) / 2;
  for (std::size_t i = 0; i < half; ++i) {
    TimelinePoint joined = points_[2 * i];
    if (2 * i + 1 < points_.size()) {
      const TimelinePoint& second = points_[2 * i + 1];
      raise(joined, second.max, second.max_bytes);
      joined.last = second.last;
      joined.last_bytes = second.last_bytes;
    }
    points_[i] = joined;
  }
  points_.resize(half);
  width_ns_ *= 2;
  end_ns_ = half * width_ns_;
}

void Timeline::shrink(std::size_t most) {
  while (points_.size() > most) halve();
}

}  // namespace anonvma
