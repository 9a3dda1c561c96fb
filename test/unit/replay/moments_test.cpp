// The state between two operations: at the peak of the sum, at a time, at the end.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/replay/replay.h"
#include "engine/trace/texts.h"
#include "test/catch.h"
#include "test/support/trace_life.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

Comparison replayed(const Life& life, ReplayOptions options) {
  const std::vector<std::byte> bytes = life.trace();
  auto reader = TraceReader::open(bytes);
  REQUIRE(reader);
  auto comparison = replay(*reader, options);
  REQUIRE(comparison);
  return *comparison;
}

std::array<std::uint64_t, 3> three(const Moment& moment) {
  return {moment.slab.objs[0], moment.slab.objs[1], moment.slab.objs[2]};
}
using Three = std::array<std::uint64_t, 3>;

// Events:    0,1 exec   2 map  3 write  4 map  5 write  6 fork  7 write  8 exit 1  9 unmap
// num-children after 7:  mm 0: [a0] [a1]   mm 1: a0 [a2], a1 [a3]
Life family() {
  Life life;
  life.exec(0).map(0, 0).write(0, 0).map(0, 10).write(0, 10).fork(0, 1).write(1, 0).exit(1);
  return life.unmap(0, 10);
}

TEST_CASE("the peak of the sum is looked at in a second pass") {
  ReplayOptions options;
  options.strategies = {*find_strategy("num-children"), *find_strategy("legacy")};
  options.observe_peak = true;
  const Comparison c = replayed(family(), options);
  const ReplayResult& own = c.rows[0];
  CHECK(own.peak.slab.event == 6);
  CHECK(own.peak.slab.time_ns == 6'000'000'000);
  CHECK(three(own.peak) == Three{4, 6, 4});
  CHECK(three(own.end) == Three{1, 1, 1});
  // A walk for a page of the parent visits the child, too; a walk for a page of the child visits
  // only the child.
  CHECK(own.peak.walks.vmas == 4);
  CHECK(own.peak.walks.min == 1);
  CHECK(own.peak.walks.max == 2);
  CHECK(own.end.walks.vmas == 1);
  CHECK(three(c.rows[1].peak) == Three{4, 0, 2});
  CHECK(c.rows[1].peak.walks.min == 2);
}

TEST_CASE("walks and chains have their lengths") {
  ReplayOptions options;
  options.strategies = {*find_strategy("num-children")};
  options.observe_peak = true;
  const Walks walks = replayed(family(), options).rows[0].peak.walks;
  CHECK(walks.walk_lengths == Histogram{{1, 2}, {2, 2}});
  CHECK(walks.chain_lengths == Histogram{{1, 2}, {2, 2}});
  CHECK(walks.vmas_per_anon_vma == Histogram{{1, 2}, {2, 2}});
}

// Before the exit of mm 1 there are two roots, each with one child.
TEST_CASE("the largest family is a tree") {
  ReplayOptions options;
  options.strategies = {*find_strategy("num-children"), *find_strategy("legacy"),
                        *find_strategy("cow-context")};
  options.observe_peak = options.family = true;
  Life life = family();
  life.fork(0, 2).fork(2, 3);
  const Comparison c = replayed(life, options);
  const Family& own = c.rows[0].peak.family;
  CHECK(own.roots == 2);
  REQUIRE(own.nodes.size() == 2);
  CHECK(own.nodes[0].comm == "task0");
  CHECK(own.nodes[0].vmas == 2);
  CHECK(own.nodes[0].own_vmas == 1);
  CHECK(own.nodes[1].parent == 0);
  CHECK(own.nodes[1].mm == MmId{1});
  CHECK(own.vmas == 2);
  const Family& end = c.rows[0].end.family;  // mm 0 has one vma left, mm 2 and 3 are its heirs
  REQUIRE(end.nodes.size() == 3);
  CHECK(end.nodes[1].parent == 0);
  CHECK(end.nodes[2].parent == 1);
  CHECK(c.rows[1].peak.family.nodes.size() == 1);  // one anon_vma for all
  CHECK(c.rows[1].peak.family.vmas == 2);
  CHECK(c.rows[2].peak.family == Family{});
}

TEST_CASE("of two families with one anon_vma each, that with more vmas is the largest") {
  ReplayOptions options;
  options.strategies = {*find_strategy("legacy")};
  options.observe_peak = options.family = true;
  Life life;
  life.exec(0).map(0, 0).write(0, 0).exec(1).map(1, 0).write(1, 0).fork(1, 2);
  const Family family = replayed(life, options).rows[0].end.family;
  CHECK(family.roots == 2);
  CHECK(family.vmas == 2);
  REQUIRE(family.nodes.size() == 1);
  CHECK(family.nodes[0].mm == MmId{1});
}

TEST_CASE("a child is in the cgroup of its parent") {
  ReplayOptions options;
  options.strategies = {*find_strategy("num-children")};
  Life life;
  life.exec(0).map(0, 0).write(0, 0).add(0, InCgroup{7}).fork(0, 1).exec(2);
  life.add(1, text_pieces(TextKind::cgroup, 7, "/a.slice")[0]).add(1, InCgroup{8});
  const Comparison c = replayed(life, options);
  const std::vector<Holder>& holders = c.rows[0].end.holders;
  REQUIRE(holders.size() == 3);
  CHECK(holders[0].cgroup_path == "/a.slice");
  CHECK(holders[1].cgroup_path == "(cgroup 8)");  // no text tells its path
  CHECK(holders[2].cgroup == 0);
}

TEST_CASE("the first cgroup of an mm counts before it is told") {
  ReplayOptions options;
  options.strategies = {*find_strategy("num-children")};
  options.at_s = 2.5;  // behind the map
  Life life;
  life.exec(0).map(0, 0).add(0, InCgroup{7}).write(0, 0).add(0, InCgroup{8});
  const Comparison c = replayed(life, options);
  REQUIRE(c.rows[0].at);
  CHECK(c.rows[0].at->holders.at(0).cgroup_path == "(cgroup 7)");
  CHECK(c.rows[0].end.holders.at(0).cgroup_path == "(cgroup 8)");
}

TEST_CASE("holders are charged for all there is") {
  ReplayOptions options;
  options.strategies = {*find_strategy("num-children")};
  options.observe_peak = true;
  const Comparison c = replayed(family(), options);
  const std::vector<Holder>& holders = c.rows[0].peak.holders;
  REQUIRE(holders.size() == 2);
  CHECK(holders[0].comm == "task0");
  CHECK(holders[0].mm == MmId{0});
  CHECK(holders[0].objs[kAnonVmaChain] == 2);
  CHECK(holders[0].objs[kAnonVma] == 2);
  CHECK(holders[1].objs[kVmAreaStruct] == 2);
  CHECK(holders[1].objs[kAnonVmaChain] == 4);
  CHECK(holders[1].objs[kAnonVma] == 2);
}

// At the end mm 0 has one vma of two pages. The first page gets a name, so that both share [a0].
TEST_CASE("holders are told apart by the names of vmas") {
  Life life = family();
  life.add(0, Name{.addr = World::addr(0), .len = kPage, .vma_name = 5});
  for (const Text& piece : text_pieces(TextKind::vma_name, 5, "heap")) life.add(0, piece);
  ReplayOptions options;
  options.strategies = {*find_strategy("num-children")};
  options.observe_peak = true;
  const Comparison c = replayed(life, options);
  const std::vector<Holder>& holders = c.rows[0].end.holders;
  REQUIRE(holders.size() == 2);
  CHECK(holders[0].vma_name == 0);
  CHECK(holders[0].objs[kVmAreaStruct] == 1);
  CHECK(holders[0].objs[kAnonVma] == 0);
  CHECK(holders[1].mm == MmId{0});
  CHECK(holders[1].name_text == "heap");
  CHECK(holders[1].objs[kVmAreaStruct] == 1);
  CHECK(holders[1].objs[kAnonVma] == 1);
}

TEST_CASE("an abandoned anon_vma is held by the first that links to it") {
  Life life;
  life.exec(0).map(0, 0).write(0, 0).fork(0, 1).fork(1, 2).exit(0);
  ReplayOptions options;
  options.strategies = {*find_strategy("avc-3.0")};
  const Comparison c = replayed(life, options);  // 1: a0 [a1]   2: a0 a1 [a2]
  const std::vector<Holder>& holders = c.rows[0].end.holders;
  REQUIRE(holders.size() == 2);
  CHECK(holders[0].mm == MmId{1});
  CHECK(holders[0].objs[kAnonVma] == 2);
  CHECK(holders[1].objs[kAnonVma] == 1);
}

// The middle of a vma is its own root, and munmap removes its struct.
//   low: -> middle   high: -> middle   middle is a zombie
TEST_CASE("a zombie is held by the mm whose vmas point to it") {
  Life life;
  life.exec(0).exec(1).add(0, Map{.addr = World::addr(0),
                                  .len = 3 * kPage,
                                  .prot = 3,
                                  .map_flags = 0x22,
                                  .ops = kOpsUnread,
                                  .ret = static_cast<std::int64_t>(World::addr(0))});
  life.write(0, 0).add(0, Unmap{.addr = World::addr(1), .len = kPage});
  ReplayOptions options;
  options.strategies = {*find_strategy("lazy-v1")};
  const Comparison c = replayed(life, options);
  const std::vector<Holder>& holders = c.rows[0].end.holders;
  REQUIRE(holders.size() == 2);
  CHECK(holders[0].mm == MmId{0});
  CHECK(holders[0].objs[kVmAreaStruct] == 3);
  CHECK(holders[1].mm == MmId{1});
  CHECK(holders[1].objs[kVmAreaStruct] == 0);
}

// A vma of two pages that fork copies after mremap has moved it: an entry in each mm.
TEST_CASE("entries of remap trees are counted at a moment") {
  Life life;
  life.exec(0).map(0, 0).write(0, 0).add(0,
                                         Remap{.addr = World::addr(0),
                                               .old_len = 2 * kPage,
                                               .new_len = 2 * kPage,
                                               .flags = 1,
                                               .new_addr = 0,
                                               .ret = static_cast<std::int64_t>(World::addr(20))});
  life.fork(0, 1).exit(1);
  ReplayOptions options;
  options.strategies = {*find_strategy("cow-context"), *find_strategy("num-children")};
  options.observe_peak = true;
  const Comparison c = replayed(life, options);
  CHECK(c.rows[0].peak.remap_entries == 2);
  CHECK(c.rows[0].end.remap_entries == 1);
  CHECK(c.rows[1].peak.remap_entries == 0);
}

TEST_CASE("every strategy can be looked at at any time") {
  const Life life = family();
  ReplayOptions options;
  for (const StrategyInfo& s : strategies()) options.strategies.push_back(s);
  options.observe_peak = true;
  for (const double at : {0.0, 2.5, 6.0, 7.999, 1e6}) {
    options.at_s = at;
    const Comparison c = replayed(life, options);
    for (const ReplayResult& row : c.rows) {
      INFO(row.strategy << " at " << at);
      REQUIRE(row.at);
      if (at > 9) CHECK(row.at->slab.objs == row.end.slab.objs);
      if (at < 1) CHECK(three(*row.at) == Three{0, 0, 0});
      for (const Moment* moment : {&row.peak, &*row.at, &row.end}) {
        std::array<std::uint64_t, kAllCaches> held{};
        for (const Holder& holder : moment->holders)
          for (std::size_t i = 0; i < kAllCaches; ++i) held[i] += holder.objs[i];
        CHECK(held == moment->slab.objs);
      }
    }
  }
  options.at_s = 6.0;
  const Comparison c = replayed(life, options);
  for (const ReplayResult& row : c.rows)
    if (row.strategy == "num-children") CHECK(three(*row.at) == Three{4, 6, 4});
}

TEST_CASE("churn and locks are charged to what was asked for") {
  ReplayOptions options;
  options.strategies = {*find_strategy("num-children")};
  const ReplayResult row = replayed(family(), options).rows[0];
  const auto cost = [&](OpKind kind) { return row.costs[static_cast<std::size_t>(kind)]; };
  CHECK(cost(OpKind::map).operations == 2);
  CHECK(cost(OpKind::map).allocs[kVmAreaStruct] == 2);
  CHECK(cost(OpKind::fault).operations == 3);
  CHECK(cost(OpKind::fault).allocs[kAnonVma] == 2);
  CHECK(cost(OpKind::fault).locks.holds == 2);
  CHECK(cost(OpKind::fork).allocs[kAnonVmaChain] == 4);
  // Per vma: one hold clones a chain of one, one adds the child's own entry.
  CHECK(cost(OpKind::fork).locks.holds == 4);
  CHECK(cost(OpKind::exit).frees[kAnonVmaChain] == 4);
  CHECK(cost(OpKind::exit).locks.longest_objs == 2);
  CHECK(cost(OpKind::unmap).frees[kVmAreaStruct] == 1);
  OpCost sum;
  for (const OpCost& c : row.costs) sum += c;
  CHECK(sum.locks.holds == row.root_locks);
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    CHECK(sum.allocs[c] == row.caches[c].allocs);
    CHECK(sum.frees[c] == row.caches[c].frees);
  }
}

}  // namespace
}  // namespace anonvma::test
