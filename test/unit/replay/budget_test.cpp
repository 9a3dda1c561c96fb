// The limits of a trace: one that asks for more than any recording needs is refused, an honest
// one never is.
#include "engine/slab/budget.h"

#include "engine/replay/replay.h"
#include "test/catch.h"
#include "test/support/trace_bytes.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

// A server with a number of vmas, all written to, and its children, which write to some
// of their own.
std::vector<Event> server(std::uint64_t vmas, std::uint32_t children) {
  std::vector<Event> events = {{{.mm = MmId{0}}, Exec{}}};
  std::uint64_t now = 0;
  const auto add = [&](std::uint32_t mm, auto body) {
    now += 1000 + now % 7919;  // no clock ticks evenly
    events.push_back({{.time_ns = now, .tid = mm + 1, .mm = MmId{mm}}, body});
  };
  for (std::uint64_t i = 0; i < vmas; ++i) {
    const std::uint64_t at = World::addr(3 * i);
    add(0, Map{.addr = at,
               .len = kPage,
               .prot = 3,
               .map_flags = 0x32,
               .ops = kOpsUnread,
               .ret = static_cast<std::int64_t>(at)});
    add(0, Fault{at, kFaultWrite});
  }
  for (std::uint32_t child = 1; child <= children; ++child) {
    add(0, Fork{.child = MmId{child}});
    for (std::uint64_t i = 0; i < 4; ++i) add(child, Fault{World::addr(3 * i), kFaultWrite});
  }
  return events;
}

Result<Comparison> compare(const FileBytes& file, bool limits, unsigned threads = 0,
                           bool check_reach = false) {
  ReplayOptions options;
  for (const StrategyInfo& s : strategies()) options.strategies.push_back(s);
  options.limits = limits;
  options.threads = threads;
  options.check_reach = check_reach;
  auto reader = TraceReader::open(file);
  REQUIRE(reader);
  return replay(*reader, options);
}

// A bomb so regular that it compresses to almost nothing.
FileBytes fork_bomb() {
  std::vector<Event> events = {{{.mm = MmId{0}}, Exec{}}};
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::uint64_t at = World::addr(2 * i);
    events.push_back({{.mm = MmId{0}},
                      Map{.addr = at,
                          .len = kPage,
                          .prot = 3,
                          .map_flags = 0x32,
                          .ops = kOpsUnread,
                          .ret = static_cast<std::int64_t>(at)}});
  }
  for (std::uint32_t child = 1; child <= 20000; ++child)
    events.push_back({{.mm = MmId{0}}, Fork{.child = MmId{child}}});
  return write_trace(events);
}

TEST_CASE("a short trace that asks for a lot is refused, at the same event everywhere",
          "[budget]") {
  const FileBytes file = fork_bomb();
  CHECK(file.size() < 2048);
  const auto one = compare(file, true, 1);
  REQUIRE_FALSE(one);
  CHECK(one.error().code == ErrorCode::bad_trace);
  CHECK_THAT(one.error().message, ContainsSubstring("--no-limits"));
  CHECK_THAT(one.error().message, ContainsSubstring("event "));
  const auto many = compare(file, true, 3);
  REQUIRE_FALSE(many);
  CHECK(many.error().message == one.error().message);
}

TEST_CASE("without limits the same is replayed", "[budget]") {
  const std::vector<Event> events = server(20, 20);
  const auto limited = compare(write_trace(events), true);
  const auto unlimited = compare(write_trace(events), false);
  REQUIRE(limited);
  REQUIRE(unlimited);
  CHECK(limited->rows == unlimited->rows);
}

// 5000 vmas and 1000 children, all strategies. The result is scaled up from 20 children, which
// are all alike.
TEST_CASE("a server with a thousand children is within its budget", "[budget]") {
  const FileBytes whole = write_trace(server(5000, 1000));
  INFO("a trace of " << whole.size() << " bytes");
  const std::size_t replays = strategies().size() + 1;
  const Budget budget = budget_for(whole.size(), replays);
  for (const StrategyInfo& strategy : strategies()) {
    INFO(strategy.name);
    SlabAccount slab;
    AddressSpaces spaces(*find_rules("6.19"), kPage, strategy, slab);
    Driver driver(spaces, slab);
    std::uint64_t index = 0;
    for (const Event& event : server(5000, 20)) driver.apply(event, index++);
    CHECK(slab.spent().bytes * 50 < budget.bytes);
    CHECK(slab.spent().steps * 50 < budget.steps);
    CHECK_FALSE(slab.over_budget());
  }
}

TEST_CASE("a kilobyte is never worth a gigabyte", "[budget]") {
  for (const std::size_t replays : {1u, 15u, 29u}) {
    const Budget budget = budget_for(1024, replays);
    CHECK(budget.bytes * replays < 512u << 20);
    CHECK(budget.steps < 100'000'000);
  }
  CHECK(budget_for(1ull << 40, 1) == Budget{});
}

TEST_CASE("a chunk gets no memory that its payload cannot fill", "[budget]") {
  const FileBytes file = write_trace(server(50, 5));
  auto chunks = chunks_of(file);
  format::FileHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  REQUIRE(chunks[1].header.codec == format::kZstd);
  chunks[1].header.raw_bytes = format::kMaxChunkBytes;
  const ReadBack got = read_trace(assemble(header, chunks));
  CHECK_THAT(got.error, ContainsSubstring("does not decompress to its size"));
}

// A compressed header could decode to 16 MiB of JSON.
TEST_CASE("a compressed header is refused", "[budget]") {
  const FileBytes file = write_trace(server(5, 1));
  auto chunks = chunks_of(file);
  for (const std::size_t json : {std::size_t{0}, chunks.size() - 2}) {
    auto changed = chunks;
    changed[json].header.codec = format::kZstd;
    const ReadBack got = read_trace(assemble({}, changed));
    CHECK_THAT(got.error, ContainsSubstring("is compressed, and must not be"));
  }
}

// Found by fuzzing: pages at both ends of all offsets were one extent with swapped ends.
TEST_CASE("offsets that wrap are refused where they come in", "[budget]") {
  const std::uint64_t at = World::addr(0), last = ~std::uint64_t{0};
  const auto bad_ranges = [](World& w) { return w.spaces().anomalies()[Anomaly::bad_range]; };
  World mapped;
  mapped.apply(Map{.addr = at,
                   .len = 2 * kPage,
                   .prot = 3,
                   .map_flags = 0x12,
                   .pgoff = last,
                   .file = 1,
                   .ops = kOpsUnread,
                   .ret = static_cast<std::int64_t>(at)},
               MmId{0});
  CHECK(bad_ranges(mapped) == 1);
  CHECK(mapped.spaces().vmas(MmId{0}).empty());

  for (const SnapReason reason : {SnapReason::attach, SnapReason::unknown_write}) {
    World shown;
    const MmId mm{reason == SnapReason::attach ? 1u : 0u};
    shown.apply(Snapshot{.reason = static_cast<std::uint64_t>(reason), .nr_vmas = 1}, mm);
    shown.apply(SnapVma{.start = at,
                        .end = at + 2 * kPage,
                        .vm_flags = 3,
                        .pgoff = last,
                        .file = 1,
                        .anon_vma = {}},
                mm);
    shown.finish();
    CHECK(bad_ranges(shown) == 1);
    CHECK(shown.spaces().vmas(mm).empty());
  }
}

// Found by fuzzing: a vma that an exit has unlinked is written to, and must still be freed
// with its objects.
TEST_CASE("nothing is left of an exit that a damaged trace goes on after", "[budget]") {
  for (const StrategyInfo& strategy : strategies()) {
    if (strategy.name == "lazy-v1") continue;  // leaks by design
    INFO(strategy.name);
    World w(StrategyChoice{strategy});
    w.map(0, 2, "rw");
    w.apply(Fault{World::addr(0), kFaultWrite}, MmId{0});
    w.apply(Step{.unlinked = World::addr(0)}, MmId{0});
    w.apply(Fault{World::addr(0), kFaultWrite}, MmId{0});
    w.apply(ExitMmap{}, MmId{0});
    for (std::size_t c = 0; c < kAllCaches; ++c) CHECK(w.active(static_cast<CacheIndex>(c)) == 0);
  }
}

}  // namespace
}  // namespace anonvma::test
