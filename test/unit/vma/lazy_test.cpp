// The effect of the lazy designs' and noswap's answers on the layout of an mm. A lazy vma is
// "forked" in these pictures: its chain has not exactly one entry.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

constexpr const char* kLazy = "lazy-v1-noleak";
constexpr std::string_view kEra = "6.19";

//  | 0 (self-rooted) |   ->  | 1 |  hole  | 2 |    both still point to 0
TEST_CASE("munmap of the middle keeps a zombie", "[vma]") {
  World w(kLazy, kEra);
  w.map(0, 6, "rw").write(0).unmap(2, 2);
  CHECK(w.show() == "0-2 rw forked a1 | 4-6 rw forked a1");
  CHECK(w.active(kVmAreaStruct) == 3);
  w.unmap(0, 2);
  CHECK(w.active(kVmAreaStruct) == 2);
  w.unmap(4, 2);
  CHECK(w.active(kVmAreaStruct) == 0);
  CHECK(w.allocs(kAnonVma) == 0);
}

TEST_CASE("a fork ends the zombies of the parent", "[vma]") {
  World w(kLazy, kEra);
  w.map(0, 6, "rw").write(0).unmap(2, 2).fork(1);
  CHECK(w.show() == "0-2 rw faulted a1 | 4-6 rw faulted a2");
  CHECK(w.show(1) == "0-2 rw forked a1 | 4-6 rw forked a2");
  CHECK(w.active(kVmAreaStruct) == 4);
  CHECK(w.active(kAnonVma) == 2);
}

TEST_CASE("exit leaves no zombie", "[vma]") {
  World w(kLazy, kEra);
  w.map(0, 6, "rw").write(0).unmap(2, 2).exit();
  CHECK(w.active(kVmAreaStruct) == 0);
}

// Before 6.8 munmap removes the second of the structs that the splits made, not the original.
TEST_CASE("older kernels unmap a new struct, and keep no zombie", "[vma]") {
  World w(kLazy, "6.1");
  w.map(0, 6, "rw").write(0).unmap(2, 2);
  CHECK(w.show() == "0-2 rw forked a1 | 4-6 rw forked a1");
  CHECK(w.active(kVmAreaStruct) == 2);
}

TEST_CASE("a moved lazy vma keeps its root", "[vma]") {
  World w(kLazy, kEra);
  w.map(0, 2, "rw").write(0).move(0, 2, 10);
  CHECK(w.show() == "10-12 rw forked a1");
  CHECK(w.active(kVmAreaStruct) == 2);
  w.unmap(10, 2);
  CHECK(w.active(kVmAreaStruct) == 0);
}

TEST_CASE("brk after a fault makes a new vma where vmas are lazy", "[vma]") {
  const auto grow = [](World& w) { w.brk(0, 2).write(0).brk(2, 4); };
  for (const char* name : {"lazy-v1", kLazy, "lazy-v1:merge=base"}) {
    INFO(name);
    World lazy(name, kEra);
    grow(lazy);
    CHECK(lazy.show() == "0-2 rw forked a1 | 2-4 rw unfaulted");
    lazy.write(2);
    CHECK(lazy.active(kVmAreaStruct) == 2);
  }
  for (const char* name : {"num-children", "noswap", "lazy-v1:merge=unfaulted"}) {
    INFO(name);
    World w(name, kEra);
    grow(w);
    CHECK(w.show() == "0-4 rw faulted a1");
  }
}

//  | rw, unfaulted | r, root 1 |   the left one absorbs the right one, and points to its root
TEST_CASE("a root that an unfaulted vma takes in becomes a zombie", "[vma]") {
  World w("lazy-v1-noleak:merge=unfaulted", kEra);
  w.map(2, 2, "rw").write(2).protect(2, 2, "r").map(0, 2, "rw").protect(2, 2, "rw");
  CHECK(w.show() == "0-4 rw faulted a1");
  CHECK(w.active(kVmAreaStruct) == 2);
  w.unmap(0, 4);
  CHECK(w.active(kVmAreaStruct) == 0);
}

// The child of a fork is different: its chain has its parent's entry and none of its own.
TEST_CASE("merge=unfaulted joins nothing to what a fork made", "[vma]") {
  World w("lazy-v1-noleak:merge=unfaulted", kEra);
  w.brk(0, 2).write(0).fork(1).in(1).brk(2, 4);
  CHECK(w.show(1) == "0-2 rw forked a1 | 2-4 rw unfaulted");
}

//  | rw, root 0 | r, root 1 |   becomes rw, rw
TEST_CASE("merge=base joins lazy vmas of different roots", "[vma]") {
  const auto join = [](World& w) {
    w.map(0, 2, "rw").write(0).map(2, 2, "rw").write(2).protect(2, 2, "r").protect(2, 2, "rw");
  };
  World never(kLazy, kEra), base("lazy-v1-noleak:merge=base", kEra);
  join(never);
  join(base);
  CHECK(never.show() == "0-2 rw forked a1 | 2-4 rw forked a2");
  CHECK(never.active(kVmAreaStruct) == 2);
  CHECK(base.show() == "0-4 rw forked a1");
  CHECK(base.active(kVmAreaStruct) == 1);
}

//  | rw, root 0 | r, root 1 | rx, of root 1 |   the middle becomes rw and goes into the left
TEST_CASE("merge=base makes a zombie of a root that others point to", "[vma]") {
  World w("lazy-v1-noleak:merge=base", kEra);
  w.map(0, 2, "rw").write(0).map(2, 6, "rw").write(2);
  const VmaId root = w.id(2);
  w.protect(2, 2, "r").protect(4, 4, "rx");
  REQUIRE(w.id(2) == root);  // the split made 4-8 a new vma
  w.protect(2, 2, "rw");
  CHECK(w.show() == "0-4 rw forked a1 | 4-8 rx forked a1");
  CHECK(w.active(kVmAreaStruct) == 3);
  w.unmap(4, 4);
  CHECK(w.show() == "0-4 rw forked a1");
  CHECK(w.active(kVmAreaStruct) == 1);
}

// Base 0 on the left, another base on the right: moved memory keeps its pgoff.
TEST_CASE("merge=base does not join what was moved", "[vma]") {
  World w("lazy-v1-noleak:merge=base", kEra);
  w.map(0, 2, "rw").write(0).map(20, 2, "rw").write(20).move(20, 2, 2);
  CHECK(w.show() == "0-2 rw forked a1 | 2-4 rw forked a2");
}

TEST_CASE("an mm that forked is not lazy under fork=never", "[vma]") {
  World w("lazy-v1-noleak:fork=never", kEra);
  w.map(0, 2, "rw").write(0).map(10, 2, "rw").advise(10, 2, kMadvDontFork).write(10);
  CHECK(w.allocs(kAnonVma) == 0);
  w.fork(1);
  CHECK(w.show() == "0-2 rw faulted a1 | 10-12 rw dontfork forked a2");  // the vma at 10 stays lazy
  CHECK(w.active(kAnonVma) == 2);
  CHECK(w.active(kAnonVmaChain) == 3);
  w.map(4, 2, "rw").write(4);
  CHECK(w.active(kAnonVma) == 3);
  w.brk(20, 22).write(20).brk(22, 24);  // like Linux 7.0: it grows
  CHECK(
      w.show() ==
      "0-2 rw faulted a1 | 4-6 rw faulted a2 | 10-12 rw dontfork forked a3 | 20-24 rw faulted a4");
  // The child has not forked: its own mappings are lazy.
  w.in(1).map(4, 2, "rw").write(4);
  CHECK(w.show(1) == "0-2 rw forked a1 | 4-6 rw forked a2");
  CHECK(w.active(kAnonVma) == 4);
  // The next child has not forked either, after the first is gone.
  w.in(0).exit();
  w.exec(2, {}).in(2).map(0, 2, "rw").write(0);
  CHECK(w.show(2) == "0-2 rw forked a1");
}

// The fork got as far as its first vma. The vma that it upgraded stays upgraded.
TEST_CASE("an mm whose fork failed is lazy still under fork=never", "[vma]") {
  World w("lazy-v1-noleak:fork=never", kEra);
  w.map(0, 2, "rw").write(0).map(10, 2, "rw").write(10);
  w.apply(Step{.copied = 1}, MmId{0});
  CHECK(w.active(kAnonVma) == 2);
  w.apply(Fork{}, MmId{0});  // without a child
  CHECK(w.active(kAnonVma) == 1);
  w.map(20, 2, "rw").write(20);
  CHECK(w.show() == "0-2 rw faulted a1 | 10-12 rw forked a2 | 20-22 rw forked a3");
  CHECK(w.active(kAnonVma) == 1);
}

// The child's vma came through a fork, but no state records that.
TEST_CASE("noswap merges what real kernels keep apart after a fork", "[vma]") {
  const auto child_maps = [](World& w) {
    w.map(0, 2, "rw").write(0).fork(1).in(1).map(2, 2, "rw").write(2);
  };
  World mainline("num-children", kEra), noswap("noswap", kEra);
  child_maps(mainline);
  child_maps(noswap);
  CHECK(mainline.show(1) == "0-2 rw forked a1 | 2-4 rw faulted a2");
  CHECK(noswap.show(1) == "0-4 rw faulted a1");
  CHECK(noswap.allocs(kAnonVma) + noswap.allocs(kAnonVmaChain) == 0);
}

TEST_CASE("noswap joins what was written apart", "[vma]") {
  const auto join = [](World& w) {
    w.map(0, 2, "rw").write(0).map(4, 2, "rw").write(4).map(2, 2, "rw");
  };
  World mainline("num-children", kEra), noswap("noswap", kEra);
  join(mainline);
  join(noswap);
  CHECK(mainline.show() == "0-4 rw faulted a1 | 4-6 rw faulted a2");
  CHECK(noswap.show() == "0-6 rw faulted a1");
}

}  // namespace
}  // namespace anonvma::test
