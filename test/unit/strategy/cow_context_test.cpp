// Contexts and remap trees of cow-context. The drawings show pgoff from left to right, and below it
// the offsets (address minus pgoff) at which it is mapped.
#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/replay/vector_ops.h"
#include "engine/strategy/registry.h"
#include "test/catch.h"
#include "test/support/cow_context_oracle.h"
#include "test/support/strategy_random_life.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

const StrategyChoice kIdeal{*find_strategy("cow-context")};
const StrategyChoice kPrototype{*find_strategy("cow-context"), {{"remaps", "prototype"}}};
const StrategyChoice kMergePrototype{*find_strategy("cow-context"), {{"merge", "prototype"}}};
const StrategyChoice kAllPrototype{*find_strategy("cow-context"),
                                   {{"merge", "prototype"}, {"remaps", "prototype"}}};

template <class Usage>
CowCounts held(const Strategy& strategy, Usage active) {
  CowCounts counts{strategy.remap_entries(), active(kMapleNode), {}};
  for (std::size_t i = 0; i < kArrayBytes.size(); ++i)
    if (const std::uint64_t n = active(static_cast<CacheIndex>(kCowRemapArray + i)); n > 0)
      counts.arrays[kArrayBytes[i]] = n;
  return counts;
}
CowCounts held(VectorLife& life) {
  return held(life.strategy(), [&](CacheIndex c) { return life.slab().usage(c).active_objs; });
}
CowCounts held(World& w) {
  return held(w.spaces().strategy(), [&](CacheIndex c) { return w.active(c); });
}
std::uint64_t contexts(const VectorLife& life) {
  return life.slab().usage(kCowContext).active_objs;
}
void check_empty(const SlabAccount& slab) {
  for (std::size_t c = 0; c < kAllCaches; ++c)
    CHECK(slab.usage(static_cast<CacheIndex>(c)).active_objs == 0);
}
void apply_all(VectorLife& life, const std::vector<std::string>& ops) {
  for (const std::string& op : ops) {
    INFO(op);
    REQUIRE(life.apply(op));
  }
}
std::string after(const StrategyChoice& strategy, const std::vector<std::string>& ops) {
  VectorLife life(strategy);
  apply_all(life, ops);
  return held(life).show();
}

// --- contexts

TEST_CASE("cow-context: a line of generations keeps a context each", "[cow]") {
  for (const std::uint64_t n : {1, 2, 3, 100}) {
    INFO("n = " << n);
    VectorLife life(kIdeal);
    apply_all(life, {"M 0 0 -1 -1 10 14 3", "F 0"});
    for (std::uint64_t i = 1; i < n; ++i)
      apply_all(life, {fmt::format("K {} {} {} -1", i - 1, i, i), fmt::format("U {}", i - 1)});
    CHECK(contexts(life) == n);
    CHECK(life.slab().usage(kCowContext).allocs == n);
    CHECK(life.slab().root_locks() == n - 1);
    CHECK(life.strategy().rmap_walk_length(life.vma(n - 1)) == 1);
    CHECK(life.strategy().vmas_per_anon_vma().size() == n);
    apply_all(life, {fmt::format("U {}", n - 1)});
    CHECK(life.slab().root_locks() == 2 * (n - 1));  // every context but the first had a parent
    check_empty(life.slab());
  }
}

TEST_CASE("cow-context: many children, alive or gone one by one", "[cow]") {
  for (const bool alive : {true, false})
    for (const std::uint64_t n : {1, 2, 1000}) {
      INFO("n = " << n << ", alive " << alive);
      VectorLife life(kIdeal);
      apply_all(life, {"M 0 0 -1 -1 10 14 3", "F 0"});
      for (std::uint64_t i = 1; i <= n; ++i) {
        apply_all(life, {fmt::format("K 0 {} {} -1", i, i)});
        if (!alive) apply_all(life, {fmt::format("U {}", i)});
      }
      CHECK(contexts(life) == (alive ? n + 1 : 1));
      CHECK(life.slab().usage(kCowContext).allocs == n + 1);
      CHECK(life.slab().root_locks() == (alive ? n : 2 * n));
      CHECK(life.strategy().rmap_walk_length(life.vma(0)) == (alive ? n + 1 : 1));
    }
}

TEST_CASE("cow-context: a context outlives its mm while a descendant lives", "[cow]") {
  // 0 - 1 - 2
  //       \ 3      1 exits, then 2, then 3; the context of 1 goes with that of 3.
  VectorLife life(kIdeal);
  apply_all(life, {"M 0 0 -1 -1 10 14 3", "F 0", "K 0 1 1 -1", "K 1 2 2 -1", "K 1 3 3 -1"});
  const Strategy& s = life.strategy();
  CHECK(s.rmap_walk_length(life.vma(0)) == 4);
  CHECK(s.rmap_walk_length(life.vma(1)) == 3);
  const std::uint64_t first = s.rmap_target(life.vma(0)), second = s.rmap_target(life.vma(1));
  CHECK(first != second);
  for (const std::uint64_t vma : {0, 1, 2, 3}) {
    CHECK(s.reaches(first, life.vma(vma)));
    CHECK(s.reaches(second, life.vma(vma)) == (vma > 0));
    CHECK(s.reaches(s.rmap_target(life.vma(3)), life.vma(vma)) == (vma == 3));
  }
  apply_all(life, {"U 1"});
  CHECK(contexts(life) == 4);
  CHECK(s.rmap_walk_length(life.vma(0)) == 3);
  CHECK(s.reaches(second, life.vma(2)));
  apply_all(life, {"U 2"});
  CHECK(contexts(life) == 3);
  CHECK(life.slab().root_locks() == 4);
  apply_all(life, {"U 3"});
  CHECK(contexts(life) == 1);
  CHECK(life.slab().root_locks() == 6);
  // A name is never used twice, although its number is.
  apply_all(life, {"K 0 4 4 -1"});
  CHECK(s.rmap_target(life.vma(4)) > second);
  CHECK_FALSE(s.reaches(second, life.vma(4)));
}

TEST_CASE("cow-context: contexts of exec and of failed forks", "[cow]") {
  World w(kIdeal);
  CHECK(w.active(kCowContext) == 1);
  w.exec(5, {});
  CHECK(w.active(kCowContext) == 2);
  w.map(0, 4, "rw").write(0);
  w.apply(Step{.copied = 1}, MmId{0});  // a fork that has begun
  CHECK(w.active(kCowContext) == 3);
  w.spaces().abandon_forks();
  CHECK(w.active(kCowContext) == 2);
  CHECK(w.allocs(kCowContext) == 3);
  w.in(5).exit().in(0).exit();
  CHECK(w.active(kCowContext) == 0);
}

// --- entries, nodes, arrays

// pgoff  10      12      14
//        | +20 +40 (+60) |
const std::vector<std::string> kThrice{"M 0 0 -1 -1 10 14 3", "F 0", "C 0 1 30 0 -1",
                                       "C 0 2 50 1 -1"};
std::vector<std::string> with(std::vector<std::string> ops, const std::vector<std::string>& more) {
  ops.insert(ops.end(), more.begin(), more.end());
  return ops;
}

TEST_CASE("cow-context: ideal entries by hand", "[cow]") {
  // A vma that was not moved needs no entry.
  CHECK(after(kIdeal, {"M 0 0 -1 -1 10 14 3", "F 0"}) == "0 entries, 0 nodes");
  CHECK(after(kIdeal, {"M 0 0 -1 -1 10 14 3", "C 0 1 30 0 -1"}) == "0 entries, 0 nodes");
  // 10..14 {+20}, then a second one: {+20 +40}
  CHECK(after(kIdeal, {"M 0 0 -1 -1 10 14 3", "F 0", "C 0 1 30 0 -1"}) == "1 entries, 1 nodes");
  CHECK(after(kIdeal, kThrice) == "1 entries, 1 nodes, 1 x 32");
  CHECK(after(kIdeal, with(kThrice, {"C 0 3 70 2 -1"})) == "1 entries, 1 nodes, 1 x 64");
  // A split changes nothing; half of it unmapped: 10..12 {+20 +40}   12..14 {+40}
  CHECK(after(kIdeal, with(kThrice, {"S 1 3 32 0"})) == "1 entries, 1 nodes, 1 x 32");
  CHECK(after(kIdeal, with(kThrice, {"S 1 3 32 0", "U 3"})) == "2 entries, 1 nodes, 1 x 32");
  // 10..11 {+40}   11..13 {+20 +40}   13..14 {+40}
  CHECK(after(kIdeal, with(kThrice, {"S 1 3 31 0", "S 3 4 33 0", "U 1", "U 4"})) ==
        "3 entries, 1 nodes, 1 x 32");
  // Three cases: all is unmapped, left behind by MREMAP_DONTUNMAP, merged again.
  CHECK(after(kIdeal, with(kThrice, {"U 1"})) == "1 entries, 1 nodes");
  CHECK(after(kIdeal, with(kThrice, {"U 1", "U 2"})) == "0 entries, 0 nodes");
  CHECK(after(kIdeal, with(kThrice, {"S 1 3 32 0", "G 3 1"})) == "1 entries, 1 nodes, 1 x 32");
  // Every mm has a tree of its own.
  CHECK(after(kIdeal, with(kThrice, {"K 1 3 1 -1"})) == "2 entries, 2 nodes, 1 x 32");
  CHECK(after(kIdeal, with(kThrice, {"K 1 3 1 -1", "K 2 4 1 3"})) == "2 entries, 2 nodes, 2 x 32");
  // A vma that moved back has its address as pgoff again.
  CHECK(after(kIdeal, {"M 0 0 -1 -1 10 14 3", "F 0", "C 0 1 30 0 -1", "U 0", "C 1 2 10 -1 1",
                       "U 1"}) == "0 entries, 0 nodes");
}

TEST_CASE("cow-context: an array doubles and goes into the kmalloc size that holds it", "[cow]") {
  const std::vector<std::pair<int, std::string>> sizes{
      {2, "1 x 32"},     {3, "1 x 64"},     {4, "1 x 64"},    {5, "1 x 96"},
      {9, "1 x 192"},    {17, "1 x 512"},   {33, "1 x 1024"}, {65, "1 x 2048"},
      {256, "1 x 4096"}, {257, "2 x 4096"}, {600, "4 x 4096"}};
  for (const StrategyChoice& choice : {kIdeal, kPrototype}) {
    VectorLife life(choice);
    apply_all(life, {"M 0 0 -1 -1 10 12 3", "F 0"});
    int copies = 0;
    for (const auto& [count, arrays] : sizes) {
      INFO(count << " offsets");
      for (; copies < count; ++copies)
        apply_all(life, {fmt::format("C 0 {} {} {} -1", copies + 1, 20 + 2 * copies, copies)});
      CHECK(held(life).show() == "1 entries, 1 nodes, " + arrays);
    }
    for (int i = copies; i >= 0; --i) apply_all(life, {fmt::format("U {}", i)});
    check_empty(life.slab());
  }
}

TEST_CASE("cow-context: nodes of a tree grow by levels", "[cow]") {
  // n entries of one page with a gap between each two: 2n + 1 slots of leaves.
  const std::vector<std::pair<int, int>> trees{{1, 1},  {7, 1},   {8, 3},   {15, 3},
                                               {16, 4}, {79, 11}, {80, 14}, {100, 16}};
  for (const auto& [n, nodes] : trees) {
    INFO(n << " entries");
    VectorLife life(kIdeal);
    for (int i = 0; i < n; ++i)
      apply_all(life, {fmt::format("M {} 0 {} -1 {} {} 3", i, i - 1, 10 + 2 * i, 11 + 2 * i),
                       fmt::format("F {}", i)});
    for (int i = 0; i < n; ++i)
      apply_all(life, {fmt::format("C {} {} {} {} -1", i, n + i, 1000 + 2 * i, n + i - 1)});
    CHECK(held(life).show() == fmt::format("{} entries, {} nodes", n, nodes));
  }
}

TEST_CASE("cow-context: the prototype's entries by hand", "[cow]") {
  const std::vector<std::string> moved{"M 0 0 -1 -1 10 14 3", "F 0", "C 0 1 30 0 -1"};
  CHECK(after(kPrototype, moved) == "1 entries, 1 nodes");
  // 0 is copied again: its offset 0 is not in the tree, so the new offset is added.
  CHECK(after(kPrototype, kThrice) == "1 entries, 1 nodes, 1 x 32");
  // 1 is copied: +20 becomes +40, although 1 lives on.
  CHECK(after(kPrototype, with(moved, {"C 1 2 50 1 -1"})) == "1 entries, 1 nodes");
  // munmap changes nothing; moving back changes nothing either.
  CHECK(after(kPrototype, with(moved, {"U 1"})) == "1 entries, 1 nodes");
  CHECK(after(kPrototype, with(moved, {"U 0", "C 1 2 10 -1 1", "U 1"})) == "1 entries, 1 nodes");
  // The upper half of 1 moves on. Its offset is replaced in the whole entry that it touches, for a
  // split vma has its own start.
  CHECK(after(kPrototype, with(moved, {"S 1 2 32 0", "C 2 3 52 2 -1"})) == "1 entries, 1 nodes");
  // Then the lower half is not found under +20, and is added to an entry cut in two:
  // 10..12 {+40 +60}   12..14 {+40}
  CHECK(after(kPrototype, with(moved, {"S 1 2 32 0", "C 2 3 52 2 -1", "C 1 4 70 3 -1"})) ==
        "2 entries, 1 nodes, 1 x 32");
  // A fork gives the child what its vmas need, and leaves the parent of anonymous vmas alone.
  CHECK(after(kPrototype, with(kThrice, {"K 1 3 1 -1", "K 2 4 1 3"})) ==
        "2 entries, 2 nodes, 2 x 32");
  // The tree lives as long as the context, here as long as the grandchild.
  CHECK(after(kPrototype, with(moved, {"K 0 2 1 -1", "U 0", "U 1"})) == "1 entries, 1 nodes");
  CHECK(after(kPrototype, with(moved, {"K 0 2 1 -1", "U 0", "U 1", "U 2"})) ==
        "0 entries, 0 nodes");
  CHECK(after(kIdeal, with(moved, {"K 0 2 1 -1", "U 0", "U 1"})) == "0 entries, 0 nodes");
}

// --- under the VMA layer

TEST_CASE("cow-context: the heap grows after it was written to", "[cow]") {
  for (const StrategyChoice& choice : {kIdeal, kPrototype})
    CHECK(World(choice).brk(0, 4).write(1).brk(4, 8).brk(8, 9).show() == "0-9 rw faulted a1");
  for (const StrategyChoice& choice : {kMergePrototype, kAllPrototype})
    CHECK(World(choice).brk(0, 4).write(1).brk(4, 8).brk(8, 9).show() ==
          "0-4 rw forked a1 | 4-9 rw unfaulted");
}

TEST_CASE("cow-context: faulted vmas merge whatever became of them", "[cow]") {
  for (const StrategyChoice& choice : {kIdeal, kMergePrototype}) {
    World w(choice);
    w.map(0, 4, "rw").map(4, 4, "r").write(0).write(4).protect(4, 4, "rw").write(4).fork(1);
    if (choice == kMergePrototype)  // 4 was still unfaulted when it became writable
      CHECK(w.show() == "0-4 rw forked a1 | 4-8 rw forked a1");
    else
      CHECK(w.show() == "0-8 rw faulted a1");
    w.in(1).protect(0, 4, "r").protect(0, 4, "rw");
    CHECK(w.show(1) == (choice == kMergePrototype ? "0-8 rw forked a1" : "0-8 rw faulted a1"));
  }
}

TEST_CASE("cow-context: a private file mapping is remembered when it is written to", "[cow]") {
  for (const StrategyChoice& choice : {kIdeal, kPrototype}) {
    World w(choice);
    w.file(10, 4, "rw", 7).read(10);
    CHECK(held(w).show() == "0 entries, 0 nodes");
    w.write(10).write(11);
    CHECK(held(w).show() == "1 entries, 1 nodes");
    // Every vma of the file gets an entry; the prototype only adds the range of the first write.
    w.protect(12, 2, "r").file(20, 4, "rw", 8).write(20);
    CHECK(held(w).show() == "2 entries, 1 nodes");
    w.unmap(20, 4);
    CHECK(held(w).show() == (choice == kIdeal ? "1 entries, 1 nodes" : "2 entries, 1 nodes"));
    w.exit();
    CHECK(held(w).show() == "0 entries, 0 nodes");
  }
}

TEST_CASE("cow-context: anonymous memory is remembered when it was moved", "[cow]") {
  for (const StrategyChoice& choice : {kIdeal, kPrototype}) {
    World w(choice);
    w.map(0, 4, "rw").write(0);
    CHECK(held(w).show() == "0 entries, 0 nodes");
    w.move(0, 4, 20);
    CHECK(held(w).show() == "1 entries, 1 nodes");
    w.move(20, 4, 40);
    CHECK(held(w).show() == "1 entries, 1 nodes");
    w.move(40, 4, 0);
    CHECK(held(w).show() == (choice == kIdeal ? "0 entries, 0 nodes" : "1 entries, 1 nodes"));
    // Unfaulted memory is new at the place it moves to.
    w.map(60, 4, "rw").move(60, 4, 80).write(80);
    CHECK(held(w).show() == (choice == kIdeal ? "0 entries, 0 nodes" : "1 entries, 1 nodes"));
  }
}

TEST_CASE("cow-context: a stack that grows keeps its entry", "[cow]") {
  World w(kIdeal);
  // exec moves the stack, and its pgoff stays.
  w.exec(9, {}).in(9);
  w.apply(World::snapshot_event(SnapReason::exec, 1), MmId{9});
  SnapVma stack = World::snap_vma(
      {.start = 1000, .end = 1002, .prot = "rw", .flags = kVmGrowsDown, .anon_vma = 1});
  stack.pgoff += 500;
  w.apply(stack, MmId{9});
  w.map(0, 1, "r");
  CHECK(held(w).show() == "1 entries, 1 nodes");
  w.grow(999).grow(990);
  CHECK(held(w).show() == "1 entries, 1 nodes");
  CHECK(w.show(9) == "0-1 r unfaulted | 990-1002 rw faulted a1");
  w.exit();
  CHECK(held(w).show() == "0 entries, 0 nodes");
}

TEST_CASE("cow-context: the prototype adds a file mapping of the parent anew at fork", "[cow]") {
  World w(kPrototype);
  w.file(10, 4, "rw", 7).write(10).fork(1);
  // parent: an array of one; child: a value
  CHECK(held(w).show() == "2 entries, 2 nodes, 1 x 32");
  w.fork(2);
  CHECK(held(w).show() == "3 entries, 3 nodes, 1 x 32");
  w.in(1).fork(3);
  CHECK(held(w).show() == "4 entries, 4 nodes, 2 x 32");
  w.in(3).exit().in(2).exit().in(1).exit();
  CHECK(held(w).show() == "1 entries, 1 nodes, 1 x 32");
  World ideal(kIdeal);
  ideal.file(10, 4, "rw", 7).write(10).fork(1).fork(2).in(1).fork(3);
  CHECK(held(ideal).show() == "4 entries, 4 nodes");
}

TEST_CASE("cow-context: the prototype doubles a full array before it looks for the offset",
          "[cow]") {
  // Two mappings of the same pgoff: {+a +b}, full. The fork adds +a again, and then +b.
  World w(kPrototype);
  w.file(10, 4, "rw", 7).write(10).map(30, 4, "rw", 0, 8, 10).write(30);
  CHECK(held(w).show() == "1 entries, 1 nodes, 1 x 32");
  w.fork(1);
  CHECK(held(w).show() == "2 entries, 2 nodes, 1 x 32, 1 x 64");
}

TEST_CASE("cow-context: the prototype looks for a part that moves under the wrong offset",
          "[cow]") {
  for (const StrategyChoice& choice : {kIdeal, kPrototype}) {
    World w(choice);
    w.file(10, 4, "rw", 7).write(10).move(12, 2, 40);
    // 10..12 {+a}   12..14 {+b}, in which the prototype keeps +a
    CHECK(held(w).show() ==
          (choice == kIdeal ? "2 entries, 1 nodes" : "2 entries, 1 nodes, 1 x 32"));
  }
}

TEST_CASE("cow-context: DONTFORK and WIPEONFORK memory leaves nothing in the child", "[cow]") {
  for (const StrategyChoice& choice : {kIdeal, kPrototype}) {
    World w(choice);
    w.map(0, 4, "rw").write(0).move(0, 4, 20).advise(20, 4, 18).fork(1);  // MADV_WIPEONFORK
    w.file(30, 4, "rw", 7).write(30).advise(30, 4, 10).fork(2);           // MADV_DONTFORK
    CHECK(w.show(1) == "20-24 rw wipe unfaulted");
    CHECK(w.show(2) == "20-24 rw wipe unfaulted");
    CHECK(held(w).show() == "2 entries, 1 nodes");
  }
}

TEST_CASE("cow-context: an mm holds its context and its tree", "[cow]") {
  World w(kPrototype);
  w.file(10, 4, "rw", 7).write(10).fork(1);
  std::array<std::uint64_t, kAllCaches> parent{}, child{};
  const Strategy& s = w.spaces().strategy();
  s.add_mm_objs(w.spaces().mm_slot(MmId{0}), parent);
  s.add_mm_objs(w.spaces().mm_slot(MmId{1}), child);
  for (std::size_t c = kCowContext; c < kAllCaches; ++c) {
    CHECK(parent[c] + child[c] == w.active(static_cast<CacheIndex>(c)));
    CHECK(child[c] == (c == kCowContext || c == kMapleNode ? 1u : 0u));
  }
  s.add_mm_objs(MmSlot{}, parent);
  s.add_mm_objs(MmSlot{77}, parent);
  CHECK(parent[kCowContext] == 1);
}

TEST_CASE("cow-context: processes that were alive at the start have roots", "[cow]") {
  for (const StrategyChoice& choice : {kIdeal, kPrototype}) {
    World w(choice);
    for (const std::uint32_t mm : {10u, 11u}) {
      w.apply(World::snapshot_event(SnapReason::attach, 1), MmId{mm});
      SnapVma vma = World::snap_vma({.start = 0, .end = 4, .prot = "rw", .anon_vma = mm});
      vma.pgoff += 7;
      vma.nr_chain = mm - 9;
      w.apply(vma, MmId{mm});
      if (mm == 11) w.apply(SnapChain{AnonVmaId{11}, AnonVmaId{10}, AnonVmaId{10}, 0, 1}, MmId{mm});
      w.apply(SnapChain{AnonVmaId{10}, AnonVmaId{10}, AnonVmaId{10}, 2, 1}, MmId{mm});
    }
    w.in(11).map(20, 1, "r");
    CHECK(w.active(kCowContext) == 3);
    CHECK(w.spaces().strategy().faulted(w.spaces().vmas(MmId{11}).front()));
    CHECK(w.spaces().strategy().rmap_walk_length(w.spaces().vmas(MmId{10}).front()) == 1);
    // The child's vma is replayed as a fork, the parent's as a fault.
    CHECK(held(w).show() == (choice == kIdeal ? "2 entries, 2 nodes" : "1 entries, 1 nodes"));
    w.exit().in(10).exit().in(0).exit();
    for (std::size_t c = 0; c < kAllCaches; ++c) CHECK(w.active(static_cast<CacheIndex>(c)) == 0);
  }
}

TEST_CASE("cow-context: a fault after the unlinking at exit leaves nothing behind", "[cow]") {
  for (const StrategyChoice& choice : {kIdeal, kPrototype}) {
    World w(choice);
    w.map(0, 4, "rw").write(0).move(0, 4, 20);
    w.apply(Step{.unlinked = World::addr(20)}, MmId{0});
    w.write(20).exit();
    CHECK(held(w).show() == "0 entries, 0 nodes");
    CHECK(w.exec(1, {}).in(1).map(0, 4, "rw").show(1) == "0-4 rw unfaulted");
    CHECK(held(w).show() == "0 entries, 0 nodes");
  }
}

// --- random lives

TEST_CASE("cow-context agrees with the naive definition", "[cow]") {
  std::uint64_t arrays = 0;
  for (const StrategyChoice& choice : {kIdeal, kPrototype, kMergePrototype}) {
    for (unsigned seed = 0; seed < 50; ++seed) {
      RandomLife life(choice, seed);
      CowOracle oracle(choice != kPrototype);
      const SlabAccount& slab = life.life().slab();
      for (int i = 0; i < 150; ++i) {
        const std::vector<std::string> ops = i < 149 ? life.step() : life.exit_all();
        INFO(choice.name() << ", seed " << seed << ", step " << i);
        for (const std::string& op : ops) oracle.apply(op);
        life.life().strategy().settle();
        const CowCounts want = oracle.counts();
        REQUIRE(held(life.life()).show() == want.show());
        REQUIRE(contexts(life.life()) == oracle.contexts().size());
        REQUIRE(slab.usage(kCowContext).allocs == oracle.born());
        REQUIRE(slab.root_locks() == oracle.locks);
        REQUIRE(slab.usage(kVmAreaStruct).active_objs == oracle.vmas());
        REQUIRE(slab.usage(kAnonVma).allocs + slab.usage(kAnonVmaChain).allocs == 0);
        arrays += want.arrays.size();
      }
      check_empty(slab);
    }
  }
  CHECK(arrays > 1000);  // the lives had arrays to compare
}

}  // namespace
}  // namespace anonvma::test
