// A trace that is fed event by event gives what a replay of the whole trace gives.
#include "engine/live/live.h"

#include <fstream>
#include <iterator>

#include "engine/live/check.h"
#include "engine/replay/replay.h"
#include "engine/strategy/own.h"
#include "engine/strategy/selection.h"
#include "engine/trace/reader.h"
#include "test/catch.h"
#include "test/support/trace_bytes.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

FileBytes bytes_of(const std::string& sample) {
  std::ifstream file(ANONVMA_SOURCE_DIR "/traces/samples/" + sample, std::ios::binary);
  REQUIRE(file);
  FileBytes bytes;
  std::transform(std::istreambuf_iterator<char>(file), {}, std::back_inserter(bytes),
                 [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

std::vector<StrategyChoice> default_designs(const Meta& meta) {
  return select_strategies("default", "", own_strategy(meta))->strategies;
}

// The text of a name is the trace's, and no part of the live state.
std::vector<Holder> without_texts(std::vector<Holder> holders) {
  for (Holder& holder : holders) {
    holder.name_text.clear();
    holder.cgroup_path.clear();
  }
  return holders;
}

void check_equal(const LiveDesign& live, const ReplayResult& row) {
  CAPTURE(row.strategy);
  CHECK(live.name == row.strategy);
  CHECK(live.caches == row.caches);
  CHECK(live.at_start_objs == row.at_start_objs);
  CHECK(live.peak == row.peak.slab);
  CHECK(live.root_locks == row.root_locks);
  CHECK(live.specs == row.specs.specs);
  for (std::size_t c = 0; c < kAllCaches; ++c)
    CHECK(live.caches[c].active_objs == row.end.slab.objs[c]);
}

}  // namespace

TEST_CASE("a trace that is fed live gives the objects and holders of a replay") {
  const std::string sample = GENERATE("compile.trace", "boot-x86_64.trace", "boot-arm64.trace");
  CAPTURE(sample);
  const FileBytes file = bytes_of(sample);
  const ReadBack trace = read_trace(file);
  auto reader = TraceReader::open(file);
  REQUIRE(reader);
  ReplayOptions options;
  options.strategies = default_designs(trace.meta);
  const auto comparison = replay(*reader, options);
  REQUIRE(comparison);

  Live live(trace.meta, options.strategies, 2);
  for (const Event& event : trace.events) live.take(event);
  live.settle();
  const LiveSummary summary = live.summary();
  REQUIRE(summary.designs.size() == comparison->rows.size());
  CHECK(summary.events == comparison->trace.events);
  CHECK(summary.lost == comparison->trace.lost);
  for (std::size_t d = 0; d < summary.designs.size(); ++d) {
    const ReplayResult& row = comparison->rows[d];
    check_equal(summary.designs[d], row);
    CHECK(without_texts(live.holders(d)) == without_texts(row.end.holders));
  }
  CHECK(summary.verified.possible);
  CHECK(summary.verified.map_counts == comparison->rows[0].map_counts_compared);
  CHECK(summary.verified.vmas > 0);
  CHECK(summary.verified.differ() == 0);
  CHECK(live.differences().empty());
}

TEST_CASE("pauses and threads change no number") {
  const ReadBack trace = read_trace(bytes_of("compile.trace"));
  const auto summary_of = [&](std::size_t pause, unsigned threads) {
    Live live(trace.meta, default_designs(trace.meta), threads);
    for (std::size_t i = 0; i < trace.events.size(); ++i) {
      live.take(trace.events[i]);
      if (i % pause == pause - 1) live.settle();
    }
    live.settle();
    return live.summary();
  };
  const LiveSummary whole = summary_of(trace.events.size(), 1);
  CHECK(summary_of(997, 1) == whole);
  CHECK(summary_of(5000, 3) == whole);
}

TEST_CASE("the kernel's own design is verified without being shown") {
  const ReadBack trace = read_trace(bytes_of("compile.trace"));
  Live live(trace.meta, {*find_strategy("legacy")}, 1);
  for (const Event& event : trace.events) live.take(event);
  live.settle();
  const LiveSummary summary = live.summary();
  REQUIRE(summary.designs.size() == 1);
  CHECK(summary.designs[0].name == "legacy");
  CHECK_FALSE(summary.designs[0].own);
  CHECK(summary.verified.map_counts > 0);
}

TEST_CASE("rates are differences for each second") {
  LiveSummary before, now;
  before.events = 100;
  now.events = 400;
  now.operations[static_cast<std::size_t>(OpKind::fork)] = 6;
  before.designs.resize(1);
  now.designs.resize(1);
  before.designs[0].caches[kAnonVma] = {.active_objs = 5, .peak_objs = 5, .allocs = 10, .frees = 5};
  now.designs[0].caches[kAnonVma] = {.active_objs = 6, .peak_objs = 6, .allocs = 14, .frees = 8};
  now.designs[0].root_locks = 50;
  const LiveRates of = rates(before, now, 2);
  CHECK(of.events == 150);
  CHECK(of.forks == 3);
  CHECK(of.execs == 0);
  CHECK(of.of(0).allocs == 2);
  CHECK(of.of(0).frees_of[kAnonVma] == 1.5);
  CHECK(of.of(0).root_locks == 25);
  CHECK(of.of(1).allocs == 0);  // a design that was not there before
}

TEST_CASE("no rate is negative when the start sets the counters") {
  LiveSummary before, now;
  before.events = 10;
  now.events = 4;
  CHECK(rates(before, now, 1).events == 0);
  CHECK(rates(now, before, 0).events == 0);  // no time has passed
}

TEST_CASE("a check counts the objects of its walk, and no other snapshot") {
  const auto event = [](auto body) { return Event{{.time_ns = 1, .mm = MmId{1}}, body}; };
  const auto snapshot = [&](SnapReason reason) {
    return event(Snapshot{.reason = static_cast<std::uint64_t>(reason)});
  };
  WalkCounter counter;
  counter.take(snapshot(SnapReason::end));  // of the check before
  counter.begin();
  counter.take(snapshot(SnapReason::exec));
  counter.take(event(SnapVma{}));
  counter.take(snapshot(SnapReason::end));
  counter.take(event(SnapVma{}));
  counter.take(event(SnapChain{.anon_vma = AnonVmaId{7}, .root = {}, .parent = {}}));
  counter.take(event(SnapVma{}));
  counter.take(event(SnapChain{.anon_vma = AnonVmaId{7}, .root = {}, .parent = {}}));
  counter.take(event(SnapChain{.anon_vma = AnonVmaId{8}, .root = {}, .parent = {}}));
  CHECK(counter.end() == LiveWalk{.mms = 1, .vmas = 2, .chain_entries = 3, .anon_vmas = 2});
  counter.take(snapshot(SnapReason::end));
  CHECK(counter.end() == LiveWalk{});
}

}  // namespace anonvma::test
