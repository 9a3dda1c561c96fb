// The objects of each strategy at the end of the lives of strategy_examples.h, and its answers.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/replay/vector_ops.h"
#include "engine/strategy/registry.h"
#include "test/catch.h"
#include "test/support/strategy_examples.h"

namespace anonvma {
namespace {

using test::Example;
using test::examples;
using test::Row;

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
    // Without anon_vmas these vmas cannot be distinguished.
    CHECK(s.same(life.vma(0), life.vma(2)) ==
          (info.name == "cow-context" || info.name == "noswap"));
    CHECK_FALSE(s.same(life.vma(0), life.vma(4)));
    CHECK_FALSE(s.singular(life.vma(4)));
    CHECK(s.rmap_walk_length(life.vma(0)) >= 1);
    CHECK(s.rmap_walk_length(life.vma(4)) == 0);
    // This vma was left behind by MREMAP_DONTUNMAP: it lives on like a new one.
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
       {Answers{"legacy", true, true, true, 3, 3}, Answers{"avc-2.6.34", true, true, false, 3, 1},
        Answers{"avc-2.6.37", true, true, false, 3, 1},
        Answers{"avc-clone-lock", true, true, false, 3, 1},
        Answers{"avc-3.0", true, true, false, 3, 1}, Answers{"degree", true, true, false, 3, 1},
        Answers{"mergeable-parent", true, true, false, 3, 1},
        Answers{"mergeable-parent-kk2", true, true, false, 3, 1},
        Answers{"num-children", true, true, false, 3, 1},
        Answers{"linux-7.0", true, true, false, 3, 1},
        Answers{"lazy-v1-noleak", false, true, false, 2, 2},
        Answers{"cow-context", true, true, true, 2, 1}}) {
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

TEST_CASE("the second vma of a sharing run, in the child") {
  constexpr std::string_view kOps =
      "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 7;F 0;F 1;K 0 2 1 -1;K 1 3 1 2";
  struct Answers {
    std::string_view strategy;
    bool same_siblings, same_as_parent, singular;
    std::uint64_t walk;
    std::vector<std::uint64_t> vmas_per_anon_vma;
  };
  // 0: [a0]   1: [a0]   2: a0 [a1]   and 3: a0 [a2], or [a0], or a0 [a1]; legacy has a0 alone.
  for (const Answers& want : {Answers{"legacy", true, true, true, 4, {4}},
                              Answers{"avc-3.0", false, false, false, 1, {1, 1, 4}},
                              Answers{"degree", false, false, false, 1, {1, 1, 4}},
                              Answers{"mergeable-parent", false, true, true, 4, {1, 4}},
                              Answers{"mergeable-parent-kk2", true, false, false, 2, {2, 4}},
                              Answers{"linux-7.0", false, false, false, 1, {1, 1, 4}}}) {
    INFO(want.strategy);
    VectorLife life(*find_strategy(want.strategy));
    apply_all(life, kOps);
    const Strategy& s = life.strategy();
    const VmaId last = life.vma(3);
    CHECK(s.same(life.vma(2), last) == want.same_siblings);
    CHECK(s.same(life.vma(1), last) == want.same_as_parent);
    CHECK(s.singular(last) == want.singular);
    CHECK(s.rmap_walk_length(last) == want.walk);
    std::vector<std::uint64_t> vmas = s.vmas_per_anon_vma();
    std::sort(vmas.begin(), vmas.end());
    CHECK(vmas == want.vmas_per_anon_vma);
    // A walk from a page of the parent visits the child. A walk from a page of the child visits the
    // parent only if they share an anon_vma.
    CHECK(s.reaches(s.rmap_target(life.vma(1)), last));
    CHECK(s.reaches(s.rmap_target(last), life.vma(1)) == want.same_as_parent);
    CHECK_FALSE(s.reaches(0, last));
  }
}

TEST_CASE("which abandoned anon_vma is reused depends on the order of the chain") {
  constexpr std::string_view kOps =
      "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;K 2 3 3 -1;K 3 4 4 -1;K 4 5 5 -1;U 1;U 3;"
      "K 5 6 6 -1";
  // The place of 6's own anon_vma in the chain of 5: a1 of a0 to a5, a3 of a4 a2 a0 a1 a3 a5.
  for (const auto& [name, place] :
       {std::pair{"degree", 1u}, std::pair{"num-children", 1u}, std::pair{"linux-7.0", 4u}}) {
    INFO(name);
    VectorLife life(*find_strategy(name));
    apply_all(life, kOps);
    const auto links = life.strategy().chain_links(life.vma(5));  // newest first
    REQUIRE(links.size() == 6);
    CHECK(life.strategy().anon_vma_name(life.vma(6)) == links[5 - place].anon_vma);
  }
}

TEST_CASE("what is allocated ahead and freed again shows in the sums only") {
  // The third fork finds an abandoned anon_vma, and frees the two objects it has already allocated.
  constexpr std::string_view kOps =
      "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;U 0;K 1 2 2 -1;U 1;K 2 3 3 -1;U 2";
  VectorLife lean(*find_strategy("num-children")), ahead(*find_strategy("linux-7.0"));
  for (VectorLife* life : {&lean, &ahead}) apply_all(*life, kOps);
  for (const CacheIndex cache : {kAnonVma, kAnonVmaChain}) {
    const CacheUsage &less = lean.slab().usage(cache), &more = ahead.slab().usage(cache);
    CHECK(more.active_objs == less.active_objs);
    CHECK(more.allocs == less.allocs + 1);
    CHECK(more.peak_objs == less.peak_objs + 1);
  }
  CHECK(lean.slab().usage(kAnonVma).allocs == 3);
  CHECK(lean.slab().usage(kAnonVmaChain).allocs == 9);
}

TEST_CASE("how many objects are handled under one hold of a lock") {
  // Locks: a prepare; a fork of chains 1 and 2; an unlink of 3 entries. avc-2.6.37 takes no more,
  // as a1 still exists.
  constexpr std::string_view kOps = "M 0 0 -1 -1 10 14 3;F 0;K 0 1 1 -1;K 1 2 2 -1;U 2";
  struct Use {
    std::string_view strategy;
    std::uint64_t holds, longest_objs;
  };
  for (const Use& want : {Use{"avc-2.6.34", 9, 1}, Use{"avc-2.6.37", 9, 1},
                          Use{"avc-clone-lock", 8, 2}, Use{"avc-3.0", 6, 3}}) {
    INFO(want.strategy);
    VectorLife life(*find_strategy(want.strategy));
    apply_all(life, kOps);
    const LockUse locks = life.slab().cost(OpKind{}).locks;
    CHECK(locks.holds == want.holds);
    CHECK(locks.objs == 9);  // six links, three unlinks
    CHECK(locks.longest_objs == want.longest_objs);
  }
}

// The copy of a VM_WIPEONFORK vma in Linux 4.14 to 5.6: 1 is between the faulted 0 and 2. Designs
// that are newer than that and have no chains are left out.
TEST_CASE("a wiped vma asks the neighbours of its parent") {
  for (const StrategyInfo& info : strategies()) {
    if (info.name.starts_with("lazy") || info.name == "cow-context" || info.name == "noswap")
      continue;
    INFO(info.name);
    VectorLife life(info);
    apply_all(life,
              "M 0 0 -1 -1 10 12 3;M 1 0 0 -1 12 14 7;M 2 0 1 -1 14 16 3;F 0;F 2;"
              "M 3 1 -1 -1 12 14 7");
    Strategy& s = life.strategy();
    s.fork_wiped(life.vma(3), life.vma(1));
    CHECK(s.same(life.vma(3), life.vma(2)));  // the next one comes before the previous one
    CHECK_FALSE(s.faulted(life.vma(1)));
    CHECK(life.slab().usage(kAnonVma).allocs == 2);
    CHECK(life.slab().root_locks() == 3);

    // A chain of two does not donate, so 5 gets an anon_vma of its own.
    apply_all(life, "K 0 4 2 -1;M 5 2 4 -1 12 14 7;M 6 3 -1 -1 12 14 7");
    s.fork_wiped(life.vma(6), life.vma(5));
    CHECK(s.same(life.vma(6), life.vma(4)) == s.singular(life.vma(4)));
    apply_all(life, "U 0;U 1;U 2;U 3;U 4;U 5;U 6");
    CHECK(life.slab().usage(kAnonVma).active_objs == 0);
  }
}

}  // namespace
}  // namespace anonvma
