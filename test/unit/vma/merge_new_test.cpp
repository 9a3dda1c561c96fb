// A new range (mmap, brk, a moved vma) beside existing ones: vma_merge_new_range(). `*` is the new
// range, fl / un / fk are vmas that are faulted, unfaulted, forked.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

TEST_CASE("mmap joins unfaulted neighbours", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw");
  CHECK(w.show() == "0-2 rw unfaulted | 4-6 rw unfaulted");
  w.map(2, 2, "rw");  // A ** B  ->  A
  CHECK(w.show() == "0-6 rw unfaulted");
  CHECK(w.allocs(kVmAreaStruct) == 2);
  CHECK(w.active(kVmAreaStruct) == 1);
}

//  | fl | ** |   ->  |    fl   |
//  | ** | fl |   ->  |    fl   |
TEST_CASE("a new range goes into a faulted neighbour on either side", "[vma]") {
  expect(
      every_era(), [](World& w) { w.map(0, 2, "rw").write(0).map(2, 2, "rw"); },
      "0-4 rw faulted a1");
  expect(
      every_era(), [](World& w) { w.map(2, 2, "rw").write(2).map(0, 2, "rw"); },
      "0-4 rw faulted a1");
  World w;
  w.map(2, 2, "rw").write(2).map(0, 2, "rw");
  CHECK(w.pgoff(0) == 0);
  CHECK(w.allocs(kVmAreaStruct) == 1);
}

//  | fk | ** |   ->  | fk | un |
//  | ** | fk |   ->  | un | fk |
//  | un | ** | fk |   ->  |    un   | fk |      and the other way round
TEST_CASE("a new range goes into no forked neighbour, on either side", "[vma][rules]") {
  const auto forked_at = [](std::uint64_t page) {
    return [page](World& w) { w.map(page, 2, "rw").write(page).fork(1).in(1); };
  };
  expect(
      since("3.0"), [&](World& w) { forked_at(0)(w), w.map(2, 2, "rw"); },
      "0-2 rw forked a1 | 2-4 rw unfaulted", 1);
  expect(
      since("3.0"), [&](World& w) { forked_at(2)(w), w.map(0, 2, "rw"); },
      "0-2 rw unfaulted | 2-4 rw forked a1", 1);
  expect(
      since("3.0"), [&](World& w) { forked_at(0)(w), w.map(4, 2, "rw").map(2, 2, "rw"); },
      "0-2 rw forked a1 | 2-6 rw unfaulted", 1);
  expect(
      since("3.0"), [&](World& w) { forked_at(4)(w), w.map(0, 2, "rw").map(2, 2, "rw"); },
      "0-4 rw unfaulted | 4-6 rw forked a1", 1);
  // The parent is unchanged.
  expect(
      every_era(), [&](World& w) { forked_at(0)(w), w.in(0).map(2, 2, "rw"); }, "0-4 rw faulted a1",
      0);
}

//  | fl a1 | ** | fl a1 |   ->  |       fl a1      |
TEST_CASE("a hole in a faulted vma closes without a trace", "[vma]") {
  expect(
      every_era(), [](World& w) { w.map(0, 6, "rw").write(0).unmap(2, 2).map(2, 2, "rw"); },
      "0-6 rw faulted a1");
}

//  | fl a1 | ** | fl a2 |   ->  |    fl a1    | fl a2 |
TEST_CASE("between different anon_vmas the lower one grows; the upper in 6.1 to 6.11",
          "[vma][rules]") {
  const auto life = [](World& w) {
    w.map(0, 2, "rw").map(4, 2, "rw").write(0).write(4).map(2, 2, "rw");
  };
  expect(since("6.12"), life, "0-4 rw faulted a1 | 4-6 rw faulted a2");
  expect(between("6.1", "6.12"), life, "0-2 rw faulted a1 | 2-6 rw faulted a2");
  expect(before("6.1"), life, "0-4 rw faulted a1 | 4-6 rw faulted a2");
}

//  | un | ** | fl |   ->  |       fl       |   the survivor, prev, gets a clone of the chain
TEST_CASE("unfaulted, new, faulted: all join, but not in mmap of 6.1 to 6.11", "[vma][rules]") {
  const auto life = [](World& w) { w.map(0, 2, "rw").map(4, 2, "rw").write(4).map(2, 2, "rw"); };
  expect(since("6.12"), life, "0-6 rw faulted a1");
  expect(between("6.1", "6.12"), life, "0-2 rw unfaulted | 2-6 rw faulted a1");
  expect(before("6.1"), life, "0-6 rw faulted a1");
  World w;
  life(w);
  CHECK(w.allocs(kAnonVmaChain) == 2);
  CHECK(w.active(kAnonVmaChain) == 1);
  CHECK(w.active(kAnonVma) == 1);
}

//  | fl | ** | un |   ->  |       fl       |
TEST_CASE("faulted, new, unfaulted: all join, without a clone", "[vma]") {
  const auto life = [](World& w) { w.map(0, 2, "rw").map(4, 2, "rw").write(0).map(2, 2, "rw"); };
  expect(every_era(), life, "0-6 rw faulted a1");
  World w;
  life(w);
  CHECK(w.allocs(kAnonVmaChain) == 1);
}

// Guard regions: a flag that may differ, and that stays (6.19; 6.18.16 has it by backport).
TEST_CASE("VM_MAYBE_GUARD does not keep vmas apart and sticks to what merged", "[vma][rules]") {
  const auto left = [](World& w) { w.map(0, 2, "rw").advise(0, 1, kMadvGuardInstall); };
  const auto right = [](World& w) { w.map(4, 2, "rw").advise(4, 1, kMadvGuardInstall); };
  const Eras eras = since("6.18.16");
  expect(
      eras, [&](World& w) { left(w), w.map(2, 2, "rw"); }, "0-4 rw guard faulted a1");
  expect(
      eras, [&](World& w) { right(w), w.map(2, 2, "rw"); }, "2-6 rw guard faulted a1");
  expect(
      eras, [&](World& w) { right(w), w.map(0, 2, "rw").map(2, 2, "rw"); },
      "0-6 rw guard faulted a1");
  expect(
      between("6.13", "6.18.16"), [&](World& w) { left(w), w.map(2, 2, "rw"); },
      "0-4 rw faulted a1");
}

// Memory policies, userfaultfd contexts and names: only a snapshot shows them.
TEST_CASE("a new range joins nothing of another policy or context", "[vma]") {
  for (const bool policy : {false, true}) {
    const std::uint32_t key = policy ? 3 : 0, other = policy ? 0 : 3;
    World w;
    w.exec(1, {{.start = 0, .end = 2, .prot = "rw", .policy = key, .context = other}});
    w.in(1).map(2, 2, "rw");
    CHECK(w.show(1) == "0-2 rw unfaulted | 2-4 rw unfaulted");
    w.write(2).write(0);  // a policy keeps anon_vmas apart, too; a context does not
    CHECK(w.show(1) == (policy ? "0-2 rw faulted a1 | 2-4 rw faulted a2"
                               : "0-2 rw faulted a1 | 2-4 rw faulted a1"));
  }
}

}  // namespace
}  // namespace anonvma::test
