// Lives small enough to count by hand, and what each strategy has at their end. The operations are
// those of engine/replay/vector_ops.h. The drawings show, per vma, the anon_vmas it is linked to,
// oldest first, its own in brackets; "~" is a lazy reference to an anon_vma, "->" to a root vma.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/replay/vector_ops.h"
#include "engine/strategy/strategy.h"
#include "test/catch.h"

namespace anonvma {
namespace {

struct Row {
  std::string_view strategy;
  std::uint64_t vma, avc, anon_vma, root_locks;
};
struct Example {
  std::string_view name;
  std::string_view ops;  // separated by ;
  std::vector<Row> rows;
};

const std::vector<Example>& examples() {
  static const std::vector<Example> all = {
      // avc-3.0, num-children   0: [a0]
      // lazy                    0: -> 0
      {"simple fault",
       "M 0 0 -1 -1 10 14 3;F 0",
       {{"legacy", 1, 0, 1, 1},
        {"avc-3.0", 1, 1, 1, 1},
        {"num-children", 1, 1, 1, 1},
        {"lazy-v1-noleak", 1, 0, 0, 0},
        {"lazy-v1", 1, 0, 0, 0},
        {"noswap", 1, 0, 0, 0}}},
      // avc-3.0, num-children   0: [a0]   1: a0 [a1]
      // lazy                    0: [a0]   1: a0 ~a0       the parent was upgraded
      {"simple fork",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1",
       {{"legacy", 2, 0, 1, 2},
        {"avc-3.0", 2, 3, 2, 3},
        {"num-children", 2, 3, 2, 3},
        {"lazy-v1-noleak", 2, 2, 1, 2},
        {"lazy-v1", 2, 2, 1, 2},
        {"noswap", 2, 0, 0, 0}}},
      // avc-3.0, num-children   0: [a0]   1: a0 [a1]   2: a0 [a2]
      // lazy                    0: [a0]   1: a0 ~a0    2: a0 ~a0
      {"fork two",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 0 2 2 -1",
       {{"legacy", 3, 0, 1, 3},
        {"avc-3.0", 3, 5, 3, 5},
        {"num-children", 3, 5, 3, 5},
        {"lazy-v1-noleak", 3, 3, 1, 3},
        {"lazy-v1", 3, 3, 1, 3},
        {"noswap", 3, 0, 0, 0}}},
      // avc-3.0, num-children   0: [a0]   1: a0 [a1]   2: a0 a1 [a2]
      // lazy                    0: [a0]   1: a0 [a1]   2: a1 a0 ~a1
      {"fork grandchild",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1",
       {{"legacy", 3, 0, 1, 3},
        {"avc-3.0", 3, 6, 3, 5},
        {"num-children", 3, 6, 3, 5},
        {"lazy-v1-noleak", 3, 5, 2, 5},
        {"lazy-v1", 3, 5, 2, 5},
        {"noswap", 3, 0, 0, 0}}},
      // avc-3.0, num-children   0: [a0]  1: [a0]   2: a0 [a1]  3: a0 [a2]    never shared again
      // lazy                    0: [a0]  1: [a0]   2: a0 ~a0   3: a0 ~a0
      {"mergeable vmas share, then fork",
       "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 7;F 0;F 1;K 0 2 1 -1;K 1 3 1 2",
       {{"legacy", 4, 0, 1, 4},
        {"avc-3.0", 4, 6, 3, 6},
        {"num-children", 4, 6, 3, 6},
        {"lazy-v1-noleak", 4, 4, 1, 4},
        {"lazy-v1", 4, 4, 1, 4},
        {"noswap", 4, 0, 0, 0}}},
      // 1 has exited when 2 forks: a1 has one child, a2, and no vma of its own.
      // avc-3.0        0: [a0]   2: a0 a1 [a2]   3: a0 a1 a2 [a3]
      // num-children   0: [a0]   2: a0 a1 [a2]   3: a0 [a1] a2
      // lazy           0: [a0]   2: a1 a0 [a2]   3: a2 a0 [a1]
      {"reuse of an abandoned anon_vma",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;U 1;K 2 3 3 -1",
       {{"legacy", 3, 0, 1, 5},
        {"avc-3.0", 3, 8, 4, 8},
        {"num-children", 3, 7, 3, 7},
        {"lazy-v1-noleak", 3, 7, 3, 9},
        {"lazy-v1", 3, 7, 3, 9},
        {"noswap", 3, 0, 0, 0}}},
      // As before, and 3 forks 4. a1 is active again, in 3.
      // num-children   4: a0 a1 a2 [a3]
      {"an anon_vma is not reused twice",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;U 1;K 2 3 3 -1;K 3 4 4 -1",
       {{"legacy", 4, 0, 1, 6},
        {"avc-3.0", 4, 13, 5, 10},
        {"num-children", 4, 11, 4, 9},
        {"lazy-v1-noleak", 4, 10, 3, 10},
        {"lazy-v1", 4, 10, 3, 10},
        {"noswap", 4, 0, 0, 0}}},
      // avc-3.0, num-children   1: [a0]   2: [a0]
      // lazy                    1: -> 0   2: -> 0   0 is a zombie: unmapped, but their root
      {"munmap of the middle",
       "M 0 0 -1 -1 10 16 3;F 0;S 0 1 12 1;S 0 2 14 0;U 0",
       {{"legacy", 2, 0, 1, 4},
        {"avc-3.0", 2, 2, 1, 4},
        {"num-children", 2, 2, 1, 4},
        {"lazy-v1-noleak", 3, 0, 0, 0},
        {"lazy-v1", 3, 0, 0, 0},
        {"noswap", 2, 0, 0, 0}}},
      // As before, then both are forked.
      // avc-3.0, num-children   1: [a0]   2: [a0]   3: a0 [a1]   4: a0 [a2]
      // lazy                    1: [a0]   2: [a1]   3: a0 ~a0    4: a1 ~a1    the zombie is gone
      {"fork upgrades, zombies go",
       "M 0 0 -1 -1 10 16 3;F 0;S 0 1 12 1;S 0 2 14 0;U 0;K 1 3 1 -1;K 2 4 1 3",
       {{"legacy", 4, 0, 1, 6},
        {"avc-3.0", 4, 6, 3, 8},
        {"num-children", 4, 6, 3, 8},
        {"lazy-v1-noleak", 4, 4, 2, 4},
        {"lazy-v1", 4, 4, 2, 4},
        {"noswap", 4, 0, 0, 0}}},
      // avc-3.0, num-children   0: [a0]
      // lazy                    0: -> 1   1 is a zombie
      {"a faulted vma goes into an unfaulted one",
       "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 3;F 1;G 0 1",
       {{"legacy", 1, 0, 1, 2},
        {"avc-3.0", 1, 1, 1, 3},
        {"num-children", 1, 1, 1, 3},
        {"lazy-v1-noleak", 2, 0, 0, 0},
        {"lazy-v1", 2, 0, 0, 0},
        {"noswap", 1, 0, 0, 0}}},
      // Only legacy locks here: for either vma of a merge.
      {"an unfaulted vma goes into a faulted one",
       "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 3;F 0;G 0 1",
       {{"legacy", 1, 0, 1, 2},
        {"avc-3.0", 1, 1, 1, 1},
        {"num-children", 1, 1, 1, 1},
        {"lazy-v1-noleak", 1, 0, 0, 0},
        {"lazy-v1", 1, 0, 0, 0},
        {"noswap", 1, 0, 0, 0}}},
      // avc-3.0, num-children   0: [a0]   1: [a1]   the child was copied before there was anything
      {"fork before fault",
       "M 0 0 -1 -1 10 14 3;K 0 1 1 -1;F 0;F 1",
       {{"legacy", 2, 0, 2, 2},
        {"avc-3.0", 2, 2, 2, 2},
        {"num-children", 2, 2, 2, 2},
        {"lazy-v1-noleak", 2, 0, 0, 0},
        {"lazy-v1", 2, 0, 0, 0},
        {"noswap", 2, 0, 0, 0}}},
      // 2 is mapped beside 1 after the fork. A chain of two does not donate.
      // avc-3.0, num-children   0: [a0]   1: a0 [a1]   2: [a2]
      // lazy                    0: [a0]   1: a0 ~a0    2: -> 2
      {"the neighbour of a forked vma",
       "M 0 0 -1 -1 10 12 3;F 0;K 0 1 1 -1;M 2 1 1 -1 12 14 7;F 2",
       {{"legacy", 3, 0, 1, 3},
        {"avc-3.0", 3, 4, 3, 4},
        {"num-children", 3, 4, 3, 4},
        {"lazy-v1-noleak", 3, 2, 1, 2},
        {"lazy-v1", 3, 2, 1, 2},
        {"noswap", 3, 0, 0, 0}}},
      // Six generations, 1 and 3 exit: a1 and a3 are both free for reuse when 5 forks 6. Then 2
      // forks
      // 7, and 7 forks 8.
      // num-children tries the oldest first, so that nothing is left for 7:
      //   5: a0 a1 a2 a3 a4 [a5]   6: a0 [a1] a2 a3 a4 a5   7: a0 a1 a2 [a6]   8: a0 a1 a2 a6 [a7]
      // lazy reverses its chains, as Linux 7.0 does, and meets a3 first:
      //   5: a4 a2 a0 a1 a3 [a5]   6: a5 [a3] a1 a0 a2 a4   7: a2 a0 [a1]      8: a1 a0 a2 ~a1
      {"which of two abandoned anon_vmas is reused",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;K 2 3 3 -1;K 3 4 4 -1;K 4 5 5 -1;U 1;U 3;"
       "K 5 6 6 -1;K 2 7 7 -1;K 7 8 8 -1",
       {{"legacy", 7, 0, 1, 11},
        {"avc-3.0", 7, 31, 9, 19},
        {"num-children", 7, 30, 8, 18},
        {"lazy-v1-noleak", 7, 27, 6, 21},
        {"lazy-v1", 7, 27, 6, 21},
        {"noswap", 7, 0, 0, 0}}},
      // Eight generations alive: chains of 1 to 8 entries, longer than what lies inline.
      // lazy: chains of 1 to 7, and the youngest with 7 and a reference.
      {"eight generations",
       "M 0 0 -1 -1 10 12 3;F 0;K 0 1 1 -1;K 1 2 2 -1;K 2 3 3 -1;K 3 4 4 -1;K 4 5 5 -1;K 5 6 6 -1;"
       "K 6 7 7 -1",
       {{"legacy", 8, 0, 1, 8},
        {"avc-3.0", 8, 36, 8, 15},
        {"num-children", 8, 36, 8, 15},
        {"lazy-v1-noleak", 8, 35, 7, 20},
        {"lazy-v1", 8, 35, 7, 20},
        {"noswap", 8, 0, 0, 0}}},
  };
  return all;
}

void apply_all(VectorLife& life, std::string_view ops) {
  while (!ops.empty()) {
    const std::string_view op = ops.substr(0, ops.find(';'));
    ops.remove_prefix(std::min(ops.size(), op.size() + 1));
    INFO(op);
    REQUIRE(life.apply(op));
  }
}

TEST_CASE("strategy micro-examples") {
  for (const Example& example : examples()) {
    for (const Row& row : example.rows) {
      DYNAMIC_SECTION(example.name << " / " << row.strategy) {
        const StrategyInfo* const info = find_strategy(row.strategy);
        REQUIRE(info);
        VectorLife life(*info);
        apply_all(life, example.ops);
        CHECK(life.slab().usage(kVmAreaStruct).active_objs == row.vma);
        CHECK(life.slab().usage(kAnonVmaChain).active_objs == row.avc);
        CHECK(life.slab().usage(kAnonVma).active_objs == row.anon_vma);
        CHECK(life.slab().root_locks() == row.root_locks);
      }
    }
  }
}

TEST_CASE("every registered strategy has a row in every micro-example") {
  for (const Example& example : examples()) {
    for (const StrategyInfo& info : strategies()) {
      INFO(example.name << " lacks a row for " << info.name);
      CHECK(std::count_if(example.rows.begin(), example.rows.end(),
                          [&](const Row& row) { return row.strategy == info.name; }) == 1);
    }
  }
}

TEST_CASE("strategies answer what the vma layer asks") {
  // 0 and 1 share, 2 has an anon_vma of its own, 3 is the fork of 0, 4 is unfaulted.
  constexpr std::string_view kOps =
      "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 7;M 2 0 1 -1 20 24 3;M 4 0 2 -1 30 32 3;F 0;F 1;F 2;"
      "K 0 3 1 -1";
  for (const StrategyInfo& info : strategies()) {
    INFO(info.name);
    VectorLife life(info);
    apply_all(life, kOps);
    Strategy& s = life.strategy();
    CHECK(s.faulted(life.vma(0)));
    CHECK(s.faulted(life.vma(3)));
    CHECK_FALSE(s.faulted(life.vma(4)));
    CHECK(s.same(life.vma(0), life.vma(0)));
    // Without anon_vmas there is nothing to tell them apart by.
    CHECK(s.same(life.vma(0), life.vma(2)) == (info.name == "noswap"));
    CHECK_FALSE(s.same(life.vma(0), life.vma(4)));
    CHECK_FALSE(s.singular(life.vma(4)));
    CHECK(s.rmap_walk_length(life.vma(0)) >= 1);
    CHECK(s.rmap_walk_length(life.vma(4)) == 0);
    // Left behind by MREMAP_DONTUNMAP: it lives on as if new.
    s.unlink(life.vma(2));
    CHECK_FALSE(s.faulted(life.vma(2)));
    CHECK(s.same(life.vma(2), life.vma(4)));
    REQUIRE(life.apply("F 2"));
    CHECK(s.faulted(life.vma(2)));
  }
}

TEST_CASE("strategies differ in sharing, singularity and walks") {
  constexpr std::string_view kOps = "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 7;F 0;F 1;K 0 2 1 -1";
  struct Answers {
    std::string_view strategy;
    bool same_siblings, singular_parent, singular_child;
    std::uint64_t walk_parent, walk_child;
  };
  // lazy: 1 still points to itself when 0 is upgraded.
  for (const Answers& want :
       {Answers{"legacy", true, true, true, 3, 3}, Answers{"avc-3.0", true, true, false, 3, 1},
        Answers{"num-children", true, true, false, 3, 1},
        Answers{"lazy-v1-noleak", false, true, false, 2, 2}}) {
    INFO(want.strategy);
    VectorLife life(*find_strategy(want.strategy));
    apply_all(life, kOps);
    const Strategy& s = life.strategy();
    CHECK(s.same(life.vma(0), life.vma(1)) == want.same_siblings);
    CHECK(s.singular(life.vma(0)) == want.singular_parent);
    CHECK(s.singular(life.vma(2)) == want.singular_child);
    CHECK(s.rmap_walk_length(life.vma(0)) == want.walk_parent);
    CHECK(s.rmap_walk_length(life.vma(2)) == want.walk_child);
  }
}

}  // namespace
}  // namespace anonvma
