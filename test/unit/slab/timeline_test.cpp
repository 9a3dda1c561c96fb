// Objects over time: points of equal width, joined when there are too many.
#include "engine/slab/timeline.h"

#include <random>

#include "engine/slab/slab_account.h"
#include "test/catch.h"

namespace anonvma {

std::ostream& operator<<(std::ostream& out, const TimelinePoint& p) {
  return out << p.last[0] << " of " << p.max[0] << ", " << p.last_bytes << " of " << p.max_bytes;
}

namespace {

constexpr std::uint64_t kWidth = Timeline::kFirstWidthNs;
constexpr std::uint64_t kMost = Timeline::kMostPoints;

void take(Timeline& timeline, std::uint64_t time_ns, std::uint64_t objs) {
  timeline.take(time_ns, {objs}, objs * 10);
}

TimelinePoint point(std::uint64_t last, std::uint64_t max) {
  return {{last}, {max}, last * 10, max * 10};
}

// time:   0 . . . width . . . 2 width . . . 3 width
// objs:   3 5 2                             4
TEST_CASE("a point keeps the last and the most, and idle time keeps what was there") {
  Timeline timeline;
  take(timeline, 0, 3);
  take(timeline, 1, 5);
  take(timeline, 2, 2);
  take(timeline, 3 * kWidth, 4);
  const std::vector<TimelinePoint> expected{point(2, 5), point(2, 2), point(2, 2), point(4, 4)};
  CHECK(timeline.points() == expected);
  CHECK(timeline.width_ns() == kWidth);
}

TEST_CASE("an operation that is older than the last point counts for the last point") {
  Timeline timeline;
  take(timeline, 2 * kWidth, 1);
  take(timeline, kWidth, 9);
  REQUIRE(timeline.points().size() == 3);
  CHECK(timeline.points()[1] == point(0, 0));
  CHECK(timeline.points()[2] == point(9, 9));
}

TEST_CASE("neighbours are joined when there would be too many points") {
  Timeline timeline;
  for (std::uint64_t i = 0; i <= kMost; ++i) take(timeline, i * kWidth, i % 2 == 0 ? i : 1);
  CHECK(timeline.width_ns() == 2 * kWidth);
  REQUIRE(timeline.points().size() == kMost / 2 + 1);
  CHECK(timeline.points()[0] == point(1, 1));
  CHECK(timeline.points()[5] == point(1, 10));
  CHECK(timeline.points().back() == point(kMost, kMost));
}

TEST_CASE("the number of points is bounded, however long a trace is") {
  Timeline timeline;
  take(timeline, 5, 7);
  take(timeline, ~0ull, 8);
  CHECK(timeline.points().size() > kMost / 2);
  CHECK(timeline.points().size() <= kMost);
  CHECK(timeline.points().front() == point(7, 7));
  CHECK(timeline.points().back() == point(8, 8));
}

TEST_CASE("points do not depend on when they were joined") {
  std::mt19937 random(7);
  Timeline early, late;
  std::uint64_t time = 0;
  for (int i = 0; i < 20'000; ++i) {
    time += random() % (2 * kWidth);
    const std::uint64_t back = random() % 8 == 0 ? random() % kWidth : 0;
    const std::uint64_t objs = random() % 1000;
    take(late, time - std::min(time, back), objs);
    take(early, time - std::min(time, back), objs);
    if (i % 1000 == 0) early.shrink(kMost / 2 + 1);
  }
  early.shrink(300);
  late.shrink(300);
  CHECK(early == late);
  CHECK(late.points().size() <= 300);
}

// vm_area_struct of 192 bytes; the second operation drops below the first one's peak.
TEST_CASE("an account extends its timeline after each operation") {
  SlabAccount slab;
  CHECK_FALSE(slab.timeline());
  slab.enable_timeline();
  slab.begin_op(OpKind::map, 0, 10);
  slab.alloc(kVmAreaStruct, 3);
  slab.free(kVmAreaStruct, 1);  // a peak within an operation is not seen
  slab.end_op();
  slab.begin_op(OpKind::unmap, 1, kWidth);
  slab.free(kVmAreaStruct, 1);
  slab.end_op();
  slab.pass_by(OpKind::fault, 2, 2 * kWidth);
  const Timeline timeline = *slab.timeline();
  REQUIRE(timeline.points().size() == 3);
  CHECK(timeline.points()[0].max[kVmAreaStruct] == 2);
  CHECK(timeline.points()[0].max_bytes == 384);
  CHECK(timeline.points()[2].last[kVmAreaStruct] == 1);
  CHECK(timeline.points()[2].last_bytes == 192);
}

TEST_CASE("objects that were alive before a trace are there from time 0") {
  SlabAccount slab;
  slab.enable_timeline();
  slab.begin_op(OpKind::start, 0, 5 * kWidth);
  slab.alloc(kAnonVma, 9);
  slab.free(kAnonVma, 2);
  slab.begin_here();
  slab.end_op();
  const Timeline timeline = *slab.timeline();
  REQUIRE(timeline.points().size() == 6);
  for (const TimelinePoint& p : timeline.points()) CHECK(p.max[kAnonVma] == 7);
}

}  // namespace
}  // namespace anonvma
