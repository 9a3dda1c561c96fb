// The replay driver: its messages about traces that cannot carry every strategy, and the
// independence of its result from threads.
#include "engine/replay/replay.h"

#include "test/catch.h"
#include "test/support/trace_bytes.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

std::vector<std::byte> trace_of(const Meta& meta, const std::vector<Event>& events) {
  // One chunk for each event, so that batches change hands often.
  std::vector<std::byte> bytes = write_trace(events, 1, meta);
  REQUIRE(!bytes.empty());
  return bytes;
}

// exec, then maps and write faults of one mm.
std::vector<Event> small_life() {
  std::vector<Event> events = {
      {{.mm = MmId{0}}, Exec{}},
      {{.mm = MmId{0}}, Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::exec)}}};
  for (std::uint64_t i = 0; i < 50; ++i) {
    const std::uint64_t at = World::addr(i * 3);
    events.push_back({{.mm = MmId{0}},
                      Map{.addr = at,
                          .len = 2 * kPage,
                          .prot = 3,
                          .map_flags = 0x22,
                          .ops = kOpsUnread,
                          .ret = static_cast<std::int64_t>(at)}});
    events.push_back({{.mm = MmId{0}}, Fault{at, kFaultWrite}});
  }
  return events;
}

Meta meta_of(std::string_view faults) {
  Meta meta;
  meta.release = "6.18.44";
  meta.faults = faults;
  meta.anon_vma_members = {"root", "num_children", "num_active_vmas"};
  meta.anon_vma_clone_args = 2;
  return meta;
}

Result<Comparison> compare(const std::vector<std::byte>& bytes, unsigned threads,
                           bool slub = false) {
  ReplayOptions options;
  for (const StrategyInfo& s : strategies()) options.strategies.push_back(s);
  options.threads = threads;
  options.slub = slub;
  auto reader = TraceReader::open(bytes);
  if (!reader) return reader.error();
  return replay(*reader, options);
}

TEST_CASE("results do not depend on the number of threads", "[replay]") {
  const auto bytes = trace_of(meta_of("write"), small_life());
  const auto one = compare(bytes, 1);
  REQUIRE(one);
  for (const unsigned threads : {2u, 3u, 8u}) {
    const auto many = compare(bytes, threads);
    REQUIRE(many);
    CHECK(many->rows == one->rows);
  }
  CHECK(one->rows.front().caches[kVmAreaStruct].allocs == 50);
  CHECK(one->trace.own_strategy == "num-children");
  CHECK(one->trace.rules == "6.18.16");
}

TEST_CASE("slabs are counted beside everything else, for each holder", "[replay]") {
  std::vector<Event> events = small_life();
  for (std::uint32_t child = 1; child <= 3; ++child) {
    events.push_back({{.tid = child, .mm = MmId{child - 1}}, Fork{.child = MmId{child}}});
    for (std::uint64_t i = 0; i < 50; ++i)
      events.push_back({{.tid = child, .mm = MmId{child}}, Fault{World::addr(i * 3), kFaultWrite}});
  }
  events.push_back({{.tid = 2, .mm = MmId{1}}, ExitMmap{}});
  const auto bytes = trace_of(meta_of("write"), events);
  const auto plain = compare(bytes, 1);
  const auto one = compare(bytes, 1, true), many = compare(bytes, 3, true);
  REQUIRE(plain);
  REQUIRE(one);
  REQUIRE(many);
  CHECK(one->rows == many->rows);
  for (std::size_t i = 0; i < one->rows.size(); ++i) {
    ReplayResult row = one->rows[i];
    INFO(row.strategy);
    REQUIRE(row.slub);
    for (std::size_t c = 0; c < kAllCaches; ++c) {
      const std::uint64_t per = row.specs.specs[c].objperslab;
      CHECK((*row.slub)[c].slabs_end * per >= row.caches[c].active_objs);
      CHECK((*row.slub)[c].slabs_peak * per >= row.caches[c].peak_objs);
    }
    CHECK((*row.slub)[kVmAreaStruct].slabs_peak >= 10);  // 200 of them, 21 per slab
    CHECK((*row.slub)[kVmAreaStruct].slabs_peak <= 12);
    CHECK((*row.slub)[kVmAreaStruct].guessed_frees == 0);
    row.slub.reset();
    CHECK(row == plain->rows[i]);
  }
}

TEST_CASE("a timeline ends with the state at the end, and reaches the peak", "[replay]") {
  const auto bytes = trace_of(meta_of("write"), small_life());
  const auto replayed = [&](bool timeline, unsigned threads) {
    ReplayOptions options;
    for (const StrategyInfo& s : strategies()) options.strategies.emplace_back(s);
    options.observe_peak = true;
    options.timeline = timeline;
    options.threads = threads;
    auto reader = TraceReader::open(bytes);
    REQUIRE(reader);
    return *replay(*reader, options);
  };
  const Comparison plain = replayed(false, 1), one = replayed(true, 1), many = replayed(true, 3);
  CHECK(one.rows == many.rows);
  for (std::size_t i = 0; i < one.rows.size(); ++i) {
    ReplayResult row = one.rows[i];
    INFO(row.strategy);
    REQUIRE(row.timeline);
    const std::vector<TimelinePoint>& points = row.timeline->points();
    CHECK(points.size() == one.rows[0].timeline->points().size());
    CHECK(points.back().last == row.end.slab.objs);
    std::uint64_t most = 0, peak = 0;
    for (const TimelinePoint& point : points) most = std::max(most, point.max_bytes);
    for (std::size_t c = 0; c < kAllCaches; ++c)
      peak += row.peak.slab.objs[c] * row.specs.specs[c].objsize;
    CHECK(most == peak);
    row.timeline.reset();
    CHECK(row == plain.rows[i]);
  }
}

TEST_CASE("first faults alone are exact for the kernel's own strategy only", "[replay]") {
  const auto result = compare(trace_of(meta_of("first"), small_life()), 1);
  REQUIRE(result);
  for (const ReplayResult& row : result->rows)
    CHECK(row.approximate.empty() == (row.strategy == "num-children"));
}

TEST_CASE("a damaged trace is replayed up to the damage, which is named", "[replay]") {
  auto bytes = trace_of(meta_of("write"), small_life());
  bytes.resize(bytes.size() / 2);
  const auto result = compare(bytes, 2);
  REQUIRE(result);
  CHECK_THAT(result->trace.damage, ContainsSubstring("offset 0x"));
  CHECK(result->trace.events > 2);
  CHECK(result->rows.front().caches[kVmAreaStruct].allocs > 0);
}

TEST_CASE("an impossible page size is refused", "[replay]") {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{5000}, std::uint64_t{1} << 40}) {
    Meta meta = meta_of("write");
    meta.page_size = size;
    CHECK_FALSE(compare(trace_of(meta, small_life()), 1));
  }
}

}  // namespace
}  // namespace anonvma::test
