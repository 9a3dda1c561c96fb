// A range of a vma gets other flags: vma_modify(), vma_merge_existing_range() and __split_vma().
// Mappings are MAP_NORESERVE where VM_ACCOUNT, which depends on faults, would be in the way.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

constexpr std::uint64_t kNr = kMapNoReserve;

TEST_CASE("mprotect splits, and merges back", "[vma]") {
  World w;
  w.map(0, 6, "rw").write(0);
  w.protect(2, 2, "r");
  CHECK(w.show() == "0-2 rw faulted a1 | 2-4 r faulted a1 | 4-6 rw faulted a1");
  w.protect(2, 2, "rw");
  CHECK(w.show() == "0-6 rw faulted a1");
  CHECK(w.active(kAnonVmaChain) == 1);
  CHECK(w.allocs(kAnonVmaChain) == 3);
}

TEST_CASE("what has its flags already neither splits nor merges", "[vma]") {
  World w;
  w.map(0, 6, "rw").protect(2, 2, "rw").advise(2, 2, kMadvDoFork).munlock(2, 2);
  CHECK(w.show() == "0-6 rw unfaulted");
  CHECK(w.allocs(kVmAreaStruct) == 1);
}

//  |        A        |   ->  | new |  A  | new |
TEST_CASE("a split makes the outer structs new", "[vma]") {
  World w;
  w.map(0, 6, "rw");
  const VmaId original = w.id(0);
  w.protect(2, 2, "r");
  CHECK(w.id(2) == original);
  CHECK(w.allocs(kVmAreaStruct) == 3);
  CHECK(w.pgoff(2) == 2);
  CHECK(w.pgoff(4) == 4);
}

//  |  r  |    rw     |   ->  |    r    |  rw  |     only the boundary moves
//        [     ]
TEST_CASE("a part that goes into a neighbour allocates nothing", "[vma]") {
  World left;
  left.map(0, 2, "r", kNr).map(2, 4, "rw", kNr).protect(2, 2, "r");
  CHECK(left.show() == "0-4 r unfaulted | 4-6 rw unfaulted");
  CHECK(left.allocs(kVmAreaStruct) == 2);
  CHECK(left.pgoff(4) == 4);
  World right;
  right.map(0, 4, "rw", kNr).map(4, 2, "r", kNr).protect(2, 2, "r");
  CHECK(right.show() == "0-2 rw unfaulted | 2-6 r unfaulted");
  CHECK(right.allocs(kVmAreaStruct) == 2);
  CHECK(right.pgoff(2) == 2);
}

// The middle of | r | rw | r | becomes r again. `life` decides which of them are faulted.
template <class Life>
auto middle_changes(Life life) {
  return [life](World& w) {
    w.map(0, 6, "r", kNr).protect(2, 2, "rw");
    life(w);
    w.protect(2, 2, "r");
  };
}

// 6.16 (commit 879bca0a2c4f) lets an unfaulted vma absorb a faulted one, as before 3.0.
//  | un |  fl  | un |   ->  |          fl         |   and either side alone
TEST_CASE("a faulted range goes into unfaulted neighbours from 6.16 on", "[vma][rules]") {
  const auto both = middle_changes([](World& w) { w.write(2); });
  expect(since("6.16"), both, "0-6 r faulted a1");
  expect(before("3.0"), both, "0-6 r faulted a1");
  expect(between("3.0", "6.16"), both, "0-2 r unfaulted | 2-4 r faulted a1 | 4-6 r unfaulted");
  const auto left = middle_changes([](World& w) { w.write(2).unmap(4, 2); });
  expect(since("6.16"), left, "0-4 r faulted a1");
  expect(before("3.0"), left, "0-4 r faulted a1");
  expect(between("3.0", "6.16"), left, "0-2 r unfaulted | 2-4 r faulted a1");
  const auto right = middle_changes([](World& w) { w.write(2).unmap(0, 2); });
  expect(since("6.16"), right, "2-6 r faulted a1");
  expect(before("3.0"), right, "2-6 r faulted a1");
  expect(between("3.0", "6.16"), right, "2-4 r faulted a1 | 4-6 r unfaulted");
}

TEST_CASE("the survivor of a merge gets the chain of what it took in", "[vma]") {
  World w;
  middle_changes([](World& x) { x.write(2); })(w);
  CHECK(w.allocs(kAnonVmaChain) == 2);
  CHECK(w.active(kAnonVmaChain) == 1);
  CHECK(w.active(kAnonVma) == 1);
  CHECK(w.active(kVmAreaStruct) == 1);
}

//  | fl |  un  | un |   ->  |          fl         |   in every era: the survivor is singular
//  | un |  un  | fl |   ->  |          fl         |   here only prev, unfaulted, survives
TEST_CASE("an unfaulted range goes into a faulted neighbour", "[vma][rules]") {
  expect(every_era(), middle_changes([](World& w) { w.touch(0); }), "0-6 r faulted a1");
  const auto right = middle_changes([](World& w) { w.touch(4); });
  expect(every_era(), right, "0-6 r faulted a1");
  World w;
  right(w);
  CHECK(w.allocs(kAnonVmaChain) == 2);
}

//  | fl a1 |  un  | fl a2 |   ->  |     fl a1     | fl a2 |
TEST_CASE("a range between different anon_vmas goes into the lower one", "[vma]") {
  const auto ends = [](World& w) { w.touch(0).touch(4); };
  expect(every_era(), middle_changes(ends), "0-4 r faulted a1 | 4-6 r faulted a2");
  const auto upper = [](World& w) { w.touch(0).touch(4).unmap(0, 1); };
  expect(every_era(), middle_changes(upper), "1-4 r faulted a1 | 4-6 r faulted a2");
}

//  | un |  fk  | un |   ->  unchanged, and | fk |  un  | fk | as well
TEST_CASE("a forked vma neither goes into an unfaulted one nor takes one in, but before 3.0",
          "[vma][rules]") {
  const auto middle = middle_changes([](World& w) { w.write(2).fork(1).in(1); });
  expect(since("3.0"), middle, "0-2 r unfaulted | 2-4 r forked a1 | 4-6 r unfaulted", 1);
  expect(before("3.0"), middle, "0-6 r forked a1", 1);
  const auto ends = middle_changes([](World& w) { w.touch(0).touch(4).fork(1).in(1); });
  expect(since("3.0"), ends, "0-2 r forked a1 | 2-4 r unfaulted | 4-6 r forked a2", 1);
  expect(before("3.0"), ends, "0-4 r forked a1 | 4-6 r forked a2", 1);
}

TEST_CASE("VM_MAYBE_GUARD stays with both halves of a split, and with the merged vma", "[vma]") {
  World w;
  w.map(0, 4, "rw").advise(0, 4, kMadvGuardInstall).protect(2, 2, "r");
  CHECK(w.show() == "0-2 rw guard faulted a1 | 2-4 r guard faulted a1");
  World merged;
  merged.map(0, 4, "r", kNr).protect(2, 2, "rw").advise(2, 2, kMadvGuardInstall);
  merged.protect(2, 2, "r");
  CHECK(merged.show() == "0-4 r guard faulted a1");
  World into;  // the vma with the flag absorbs the one without
  into.map(0, 4, "r", kNr).protect(2, 2, "rw").advise(0, 2, kMadvGuardInstall).protect(2, 2, "r");
  CHECK(into.show() == "0-4 r guard faulted a1");
}

// PROT_NONE -> rw -> PROT_NONE beside memory that was always PROT_NONE.
TEST_CASE("an unfaulted vma loses VM_ACCOUNT from 6.7 on, a faulted one never", "[vma][rules]") {
  const auto reserve = [](World& w) { w.map(0, 4, "").protect(0, 2, "rw").protect(0, 2, ""); };
  expect(since("6.7"), reserve, "0-4 - unfaulted");
  expect(before("6.7"), reserve, "0-2 - unfaulted | 2-4 - unfaulted");
  expect(
      every_era(), [](World& w) { w.map(0, 4, "").protect(0, 2, "rw").write(0).protect(0, 2, ""); },
      "0-2 - faulted a1 | 2-4 - unfaulted");
}

TEST_CASE("a file mapping keeps VM_ACCOUNT, and one without a reserve never gets it", "[vma]") {
  World w;
  w.file(0, 2, "rw", 5).protect(0, 2, "r").map(4, 2, "r", kNr).protect(4, 2, "rw");
  w.map(8, 2, "r", kMapShared, 6).protect(8, 2, "rw");
  CHECK(w.has(0, kVmAccount));
  CHECK_FALSE(w.has(4, kVmAccount));
  CHECK_FALSE(w.has(8, kVmAccount));
}

TEST_CASE("mprotect stops at a hole and keeps what came before", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").protect(0, 6, "r", -12);
  CHECK(w.show() == "0-2 r unfaulted | 4-6 rw unfaulted");
  w.protect(3, 3, "r", -12);
  CHECK(w.show() == "0-2 r unfaulted | 4-6 rw unfaulted");
}

TEST_CASE("mprotect stops where the file forbids it", "[vma]") {
  World w;
  w.map(0, 2, "r", kNr).map(2, 2, "r", kMapShared, 5, 0, kOpsReadonlyFile).map(4, 2, "r", kNr);
  w.protect(0, 6, "rw", -13);
  CHECK(w.show() == "0-2 rw unfaulted | 2-4 r unfaulted | 4-6 r unfaulted");
}

TEST_CASE("mprotect refused for a reason the model cannot see changes nothing", "[vma]") {
  World w;
  w.map(0, 6, "rw").protect(2, 2, "r", -12);
  CHECK(w.show() == "0-6 rw unfaulted");
}

TEST_CASE("pkey_mprotect: the key keeps vmas apart", "[vma]") {
  World w;
  const auto pkey = [&](std::uint64_t page, std::int64_t key) {
    w.apply(Protect{World::addr(page), 2 * kPage, 3, key, 0}, MmId{0});
  };
  w.map(0, 4, "rw");
  pkey(2, 5);
  CHECK(w.show() == "0-2 rw unfaulted | 2-4 rw unfaulted");
  w.protect(2, 2, "rw");  // the key stays
  CHECK(w.has(2, 5ull << kVmPkeyShift));
  pkey(2, 0);
  CHECK(w.show() == "0-4 rw unfaulted");
}

TEST_CASE("a key for PROT_EXEC alone comes and goes with it", "[vma]") {
  World w;
  const auto protect = [&](std::uint64_t page, std::uint64_t prot) {
    w.apply(Protect{World::addr(page), 2 * kPage, prot | 0x200000, 1, 0}, MmId{0});
  };
  w.map(0, 4, "rw");
  protect(2, kVmExec);
  CHECK(w.has(2, kVmExec | 1ull << kVmPkeyShift));
  protect(2, 3);
  CHECK(w.show() == "0-4 rw unfaulted");
  w.apply(Protect{World::addr(2), 2 * kPage, kVmExec, 5, 0}, MmId{0});  // requested: it stays
  protect(2, 3);
  CHECK(w.has(2, 5ull << kVmPkeyShift));
}

TEST_CASE("arm64: each mprotect sets VM_ARM64_BTI anew, and none removes VM_MTE", "[vma]") {
  const auto [rules, mte] = GENERATE(std::pair{"6.7", 1ull << 32}, std::pair{"6.12", 1ull << 36});
  World w("num-children", rules);
  const auto protect = [&](std::uint64_t page, std::uint64_t prot) {
    w.apply(Protect{World::addr(page), 2 * kPage, prot, -1, 0}, MmId{0});
  };
  constexpr std::uint64_t kBti = 0x10, kMte = 0x20, kArm64 = 0x800000;
  w.map(0, 4, "rw");
  protect(2, 3 | kBti | kArm64);
  CHECK(w.has(2, 1ull << 24));
  CHECK_FALSE(w.has(0, 1ull << 24));
  protect(2, 3 | kArm64);
  CHECK(w.show() == "0-4 rw unfaulted");
  protect(0, 3 | kMte | kArm64);
  CHECK(w.has(0, mte));
  protect(0, 3 | kArm64);
  CHECK(w.has(0, mte));
  CHECK_FALSE(w.has(2, mte));
  protect(2, 3 | kBti | kMte);  // another machine: these bits mean nothing
  CHECK_FALSE(w.has(2, mte));
}

TEST_CASE("PROT_GROWSDOWN changes a stack down to its start", "[vma]") {
  World w;
  w.map(0, 6, "rw", kMapGrowsDown);
  w.apply(Protect{World::addr(4), kPage, 7 | kProtGrowsDown, -1, 0}, MmId{0});
  CHECK(w.show() == "0-5 rwx unfaulted | 5-6 rw unfaulted");
}

}  // namespace
}  // namespace anonvma::test
