// Micro-examples for the lazy designs and noswap: parameters, zombies, the leak. The drawings are
// those of examples_test.cpp: the anon_vmas a vma is linked to, oldest first, its own in
// brackets; "~" is a lazy reference to an anon_vma, "->" to a root vma.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/replay/vector_ops.h"
#include "test/catch.h"
#include "test/support/strategy_choice.h"

namespace anonvma::test {
namespace {

struct Row {
  std::string_view strategy;
  std::uint64_t vma, avc, anon_vma, avc_allocs, anon_vma_allocs, root_locks;
};
struct Example {
  std::string_view name;
  std::string ops;  // separated by ;
  std::vector<Row> rows;
};

// The family of 0 and its child 1, which has forked: 1 is regular, and a1 is no root. Then 3 is
// mapped next to 1, and the fork to 4 upgrades 3. The upgrade takes over a1, as it does not check
// that the chain of 1 has one entry. lazy-v1 takes a reference on a0 for it.
//   0: [a0]   1: a0 [a1]   2: a1 a0 ~a1   3: [a1]   4: a1 ~a1
const std::string kFamily =
    "M 0 0 -1 -1 10 12 3;F 0;K 0 1 1 -1;K 1 2 2 -1;M 3 1 1 -1 12 14 7;F 3;K 3 4 3 -1";
// 3 lies between 2, of the same family, and 4, which has a family of its own.
//   0: [a0]   1: [a0]   2: a0 ~a0   3: a0 ~a0   4: -> 4
const std::string kBetween =
    "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 7;F 0;F 1;K 0 2 1 -1;K 1 3 1 2;M 4 1 3 -1 14 16 3;F 4";

const std::vector<Example>& examples() {
  static const std::vector<Example> all = {
      {"an upgrade takes over an anon_vma that is no root",
       kFamily,
       {{"lazy-v1", 5, 7, 2, 7, 2, 7}, {"lazy-v1-noleak", 5, 7, 2, 7, 2, 7}}},
      // Nothing refers to a0 except the reference that 3 took.
      {"the root of an anon_vma that was taken over leaks",
       kFamily + ";U 0;U 1;U 2;U 3;U 4",
       {{"lazy-v1", 0, 0, 1, 7, 2, 14}, {"lazy-v1-noleak", 0, 0, 0, 7, 2, 14}}},
      // 1 takes over a0, which is a root: no reference, no leak.
      //   0: [a0]   1: [a0]   2: a0 ~a0   3: a0 ~a0
      {"a root that is taken over does not leak",
       "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 7;F 0;F 1;K 0 2 1 -1;K 1 3 1 2;U 0;U 1;U 2;U 3",
       {{"lazy-v1", 0, 0, 0, 4, 1, 10}, {"lazy-v1-noleak", 0, 0, 0, 4, 1, 10}}},

      // 0 and 1 share a0, so their children 2 and 3 refer to it. 4 is mapped after 3. When 3 is
      // upgraded, its next vma 4 is still lazy, and 3 takes over the previous vma's a2.
      //   0: [a0]  1: [a0]  2: a0 [a2]  3: a0 [a2]  4: -> 4
      //                     6: a2 a0 ~a2  7: a2 a0 ~a2
      {"an upgrade takes the previous vma's anon_vma where the next has none",
       kBetween + ";K 2 6 3 -1;K 3 7 3 6",
       {{"lazy-v1", 7, 10, 2, 10, 2, 10}, {"lazy-v1-noleak", 7, 10, 2, 10, 2, 10}}},
      // Here 4 has forked before and has a1, which is a root of another family. 3 gets a1 as its
      // candidate and must refuse it; a2 is not tried.
      //   0: [a0]  1: [a0]  2: a0 [a2]    3: a0 [a3]    4: [a1]
      //                     6: a2 a0 ~a2  7: a3 a0 ~a3  5: a1 ~a1
      {"an upgrade does not try the previous vma behind a next one of another root",
       kBetween + ";K 4 5 2 -1;K 2 6 3 -1;K 3 7 3 6",
       {{"lazy-v1", 8, 12, 4, 12, 4, 12}, {"lazy-v1-noleak", 8, 12, 4, 12, 4, 12}}},

      // 1 was split. 2 still points to it when 0 takes over its place.
      //   0: -> 0   2: -> 1   1 is a zombie
      {"the root of a vma that is merged away becomes a zombie",
       "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 16 3;F 0;F 1;S 1 2 14 0;G 0 1",
       {{"lazy-v1:merge=base", 3, 0, 0, 0, 0, 0}, {"lazy-v1-noleak:merge=base", 3, 0, 0, 0, 0, 0}}},
      {"and goes with the last that points to it",
       "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 16 3;F 0;F 1;S 1 2 14 0;G 0 1;G 0 2",
       {{"lazy-v1:merge=base", 1, 0, 0, 0, 0, 0}, {"lazy-v1-noleak:merge=base", 1, 0, 0, 0, 0, 0}}},

      //   fork=any     0: [a0]   1: a0 ~a0
      //   fork=never   0: [a0]   1: a0 [a1]
      {"a child under fork=never is regular",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1",
       {{"lazy-v1", 2, 2, 1, 2, 1, 2},
        {"lazy-v1:fork=never", 2, 3, 2, 3, 2, 3},
        {"lazy-v1-noleak:fork=never", 2, 3, 2, 3, 2, 3}}},
      // 2 is mapped next to 0, which has forked, 3 next to 1, which has not.
      //   fork=any     2: -> 2   3: -> 3
      //   fork=never   2: [a0]   3: -> 3
      {"what forked is done by the rules of Linux 7.0",
       "M 0 0 -1 -1 10 12 3;F 0;K 0 1 1 -1;M 2 0 0 -1 12 14 7;M 3 1 1 -1 12 14 7;F 2;F 3",
       {{"lazy-v1", 4, 2, 1, 2, 1, 2}, {"lazy-v1:fork=never", 4, 4, 2, 4, 2, 4}}},
      // The child forks as well, and maps 5 next to 1: chains of two do not donate.
      //   fork=never   0: [a0]   1: a0 [a1]   4: a1 a0 [a2]   5: [a3]
      {"a chain of two does not donate under fork=never",
       "M 0 0 -1 -1 10 12 3;F 0;K 0 1 1 -1;K 1 4 2 -1;M 5 1 1 -1 12 14 7;F 5",
       {{"lazy-v1", 4, 5, 2, 5, 2, 5}, {"lazy-v1:fork=never", 4, 7, 4, 7, 4, 6}}},
      // An upgrade under fork=never is as posted: 5 was lazy before its mm forked, and takes a1.
      //   fork=never   0: [a0]   1: a0 [a1]   5: [a1]   4: a1 a0 [a2]   6: a1 [a3]
      {"an upgrade under fork=never does not ask for one link",
       "M 0 0 -1 -1 10 12 3;F 0;K 0 1 1 -1;M 5 1 1 -1 12 14 7;F 5;K 1 4 2 -1;K 5 6 2 4",
       {{"lazy-v1:fork=never", 5, 9, 4, 9, 4, 8}, {"lazy-v1-noleak:fork=never", 5, 9, 4, 9, 4, 8}}},
      {"nor does it drop the leak",
       "M 0 0 -1 -1 10 12 3;F 0;K 0 1 1 -1;M 5 1 1 -1 12 14 7;F 5;K 1 4 2 -1;K 5 6 2 4;"
       "U 0;U 1;U 5;U 4;U 6",
       {{"lazy-v1:fork=never", 0, 0, 1, 9, 4, 13},
        {"lazy-v1-noleak:fork=never", 0, 0, 0, 9, 4, 13}}},
      // 1 has exited when 2 forks: 3 makes a1 its own. Linux 7.0 has already allocated for 3.
      //   fork=never   0: [a0]   2: a1 a0 [a2]   3: a2 a0 [a1]
      {"reuse under fork=never costs an allocation that is given back",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;U 1;K 2 3 3 -1",
       {{"lazy-v1", 3, 7, 3, 9, 3, 9}, {"lazy-v1:fork=never", 3, 7, 3, 10, 4, 7}}},
      // A new mm in the place of one that forked counts as never forked.
      {"an mm that takes the place of one that forked",
       "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;U 0;U 1;M 2 2 -1 -1 10 14 3;F 2;M 3 3 -1 -1 10 14 3;F 3",
       {{"lazy-v1:fork=never", 2, 0, 0, 3, 2, 5}}},

      {"noswap keeps a mark and nothing else", kFamily, {{"noswap", 5, 0, 0, 0, 0, 0}}},
      {"noswap has no zombies",
       "M 0 0 -1 -1 10 16 3;F 0;S 0 1 12 1;S 0 2 14 0;U 0",
       {{"noswap", 2, 0, 0, 0, 0, 0}}},
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

TEST_CASE("micro-examples of lazy designs and their parameters") {
  for (const Example& example : examples()) {
    for (const Row& row : example.rows) {
      INFO(example.name << " / " << row.strategy);
      VectorLife life(choice(row.strategy));
      apply_all(life, example.ops);
      CHECK(life.slab().usage(kVmAreaStruct).active_objs == row.vma);
      CHECK(life.slab().usage(kAnonVmaChain).active_objs == row.avc);
      CHECK(life.slab().usage(kAnonVma).active_objs == row.anon_vma);
      CHECK(life.slab().usage(kAnonVmaChain).allocs == row.avc_allocs);
      CHECK(life.slab().usage(kAnonVma).allocs == row.anon_vma_allocs);
      CHECK(life.slab().root_locks() == row.root_locks);
    }
  }
}

// n generations of one vma, each parent exits after forking. Each process forks once, so under
// fork=never the design is Linux 7.0 from the first fork on.
TEST_CASE("a line of generations under fork=never is that of Linux 7.0") {
  for (std::uint64_t n : {3, 4, 17, 100}) {
    INFO("n = " << n);
    VectorLife life(choice("lazy-v1:fork=never"));
    apply_all(life, "M 0 0 -1 -1 10 14 3;F 0");
    for (std::uint64_t i = 1; i < n; ++i)
      apply_all(life, fmt::format("K {} {} {} -1;U {}", i - 1, i, i, i - 1));
    CHECK(life.slab().usage(kAnonVma).active_objs == 3);
    CHECK(life.slab().usage(kAnonVmaChain).active_objs == 3);
    CHECK(life.slab().usage(kAnonVma).allocs == n);
    CHECK(life.slab().usage(kAnonVmaChain).allocs == 4 * n - 6);
    CHECK(life.slab().root_locks() == 2 * n + 1);
  }
}

// 0 and 1 are neighbours, each its own root; 2 lies apart, and 3 is a moved copy of it.
TEST_CASE("which lazy vmas are the same") {
  constexpr std::string_view kOps =
      "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 3;M 2 0 1 -1 20 24 3;F 0;F 1;F 2;C 2 3 40 2 -1;"
      "M 4 0 3 -1 60 64 3";
  for (const bool by_base : {false, true}) {
    INFO("merge=" << (by_base ? "base" : "never"));
    VectorLife life(choice(by_base ? "lazy-v1:merge=base" : "lazy-v1"));
    apply_all(life, kOps);
    const Strategy& s = life.strategy();
    CHECK(s.same(life.vma(0), life.vma(1)) == by_base);
    CHECK(s.same(life.vma(0), life.vma(2)) == by_base);
    CHECK(s.same(life.vma(2), life.vma(3)));  // one root
    CHECK_FALSE(s.same(life.vma(0), life.vma(3)));
    CHECK_FALSE(s.same(life.vma(0), life.vma(4)));  // unfaulted
    CHECK_FALSE(s.singular(life.vma(0)));
    CHECK_FALSE(s.locked_by_vma_layer(life.vma(0)));
  }
}

// 0 and 1 share a0, so that their children 2 and 3 are lazy on the same anon_vma. 4 has its own.
TEST_CASE("lazy children are the same when their parents' anon_vma is") {
  for (const char* name : {"lazy-v1", "lazy-v1:merge=base"}) {
    INFO(name);
    VectorLife life(choice(name));
    apply_all(life,
              "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 7;M 4 0 1 -1 20 24 3;F 0;F 1;F 4;"
              "K 0 2 1 -1;K 1 3 1 2;K 4 5 1 3");
    const Strategy& s = life.strategy();
    CHECK(s.same(life.vma(2), life.vma(3)));
    CHECK_FALSE(s.same(life.vma(2), life.vma(5)));
    CHECK_FALSE(s.same(life.vma(0), life.vma(2)));  // one is regular
    CHECK_FALSE(s.singular(life.vma(2)));
    CHECK_FALSE(s.locked_by_vma_layer(life.vma(2)));
    CHECK(s.locked_by_vma_layer(life.vma(0)));
    CHECK(s.anon_vma_name(life.vma(2)) == 0);
    CHECK(s.rmap_target(life.vma(2)) == s.anon_vma_name(life.vma(0)));
    CHECK(s.chain_links(life.vma(2)).size() == 1);
  }
}

TEST_CASE("the name of a root vma is not used twice") {
  VectorLife life(choice("lazy-v1"));
  const auto target = [&](std::uint64_t id) { return life.strategy().rmap_target(life.vma(id)); };
  constexpr std::uint64_t kTop = 1ull << 63;
  apply_all(life, "M 0 0 -1 -1 10 16 3;F 0;S 0 1 12 1;S 0 2 14 0");
  const std::uint64_t first = target(0);
  CHECK((first & kTop) != 0);
  CHECK(target(1) == first);
  const VmaId place = life.vma(0);
  apply_all(life, "U 0");  // a zombie
  CHECK(target(2) == first);
  CHECK(life.strategy().reaches(first, life.vma(1)));
  apply_all(life, "U 1;U 2;M 3 0 -1 -1 10 16 3;M 4 0 3 -1 20 22 3;M 5 0 4 -1 30 32 3;F 3;F 4;F 5");
  bool reused = false;
  for (const std::uint64_t id : {3u, 4u, 5u}) {
    reused |= life.vma(id) == place;
    CHECK(target(id) != first);
    CHECK_FALSE(life.strategy().reaches(first, life.vma(id)));
  }
  CHECK(reused);
  CHECK(target(3) != target(4));
  // Pages of an upgraded vma point to its anon_vma.
  apply_all(life, "K 3 6 1 -1");
  CHECK((target(3) & kTop) == 0);
  CHECK(target(3) == life.strategy().anon_vma_name(life.vma(3)));
  CHECK(life.strategy().reaches(target(3), life.vma(6)));
}

// A leaked root is an anon_vma that no vma is linked to.
TEST_CASE("the vmas of each anon_vma are told, of a leaked one none") {
  VectorLife life(choice("lazy-v1"));
  apply_all(life, kFamily);
  auto links = life.strategy().vmas_per_anon_vma();
  std::sort(links.begin(), links.end());
  CHECK(links == std::vector<std::uint64_t>{3, 4});  // a0: 0 1 2; a1: 1 2 3 4
  apply_all(life, "U 0;U 1;U 2;U 3;U 4");
  CHECK(life.strategy().vmas_per_anon_vma() == std::vector<std::uint64_t>{0});
}

TEST_CASE("noswap has marks, and nothing to walk") {
  VectorLife life(choice("noswap"));
  apply_all(life, "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 20 22 3;M 2 0 1 -1 30 32 3;F 0;F 1;K 0 3 1 -1");
  const Strategy& s = life.strategy();
  CHECK(s.faulted(life.vma(3)));
  CHECK(s.same(life.vma(0), life.vma(1)));
  CHECK_FALSE(s.same(life.vma(0), life.vma(2)));
  CHECK(s.singular(life.vma(3)));
  CHECK_FALSE(s.locked_by_vma_layer(life.vma(0)));
  CHECK(s.rmap_walk_length(life.vma(0)) == 1);
  CHECK(s.rmap_walk_length(life.vma(2)) == 0);
  CHECK(s.rmap_target(life.vma(0)) == 0);
  CHECK_FALSE(s.reaches(0, life.vma(0)));
  CHECK(s.vmas_per_anon_vma().empty());
}

}  // namespace
}  // namespace anonvma::test
