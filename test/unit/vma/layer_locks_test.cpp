// Acquisitions of anon_vma locks by the VMA layer, by era: the cost of one operation, beside the
// locks of mm/rmap.c.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

// The eras that differ, in order.
constexpr std::string_view kEras[] = {"2.6.32", "2.6.34", "2.6.37", "3.0", "3.10", "6.1", "6.19"};
using Counts = std::array<std::uint64_t, std::size(kEras)>;

std::string_view strategy_of(std::string_view era) {
  return era == "2.6.32" ? "legacy" : "avc-3.0";
}

// The cost of `operation` after `life` in each era.
template <class Life, class Operation>
Counts locks(Life life, Operation operation) {
  Counts counts{};
  for (std::size_t i = 0; i < std::size(kEras); ++i) {
    World w(strategy_of(kEras[i]), kEras[i]);
    life(w);
    const std::uint64_t before = w.layer_locks();
    operation(w);
    counts[i] = w.layer_locks() - before;
  }
  return counts;
}

const auto kFaulted = [](World& w) { w.map(0, 4, "rw").write(0); };

TEST_CASE("splits lock, but where only an end moves in 3.0 to 3.6", "[vma][locks]") {
  const auto unmap = [](std::uint64_t page, std::uint64_t pages) {
    return [=](World& w) { w.unmap(page, pages); };
  };
  CHECK(locks(kFaulted, unmap(2, 2)) == Counts{0, 0, 1, 0, 1, 1, 1});
  CHECK(locks(kFaulted, unmap(0, 2)) == Counts{0, 0, 1, 1, 1, 1, 1});
  CHECK(locks(kFaulted, unmap(1, 2)) == Counts{0, 0, 2, 1, 2, 2, 2});
  CHECK(locks(kFaulted, unmap(0, 4)) == Counts{});
  CHECK(locks(kFaulted, [](World& w) { w.protect(1, 2, "r"); }) == Counts{0, 0, 2, 1, 2, 2, 2});
  CHECK(locks([](World& w) { w.map(0, 4, "rw"); }, unmap(1, 2)) == Counts{});
}

// 2.6.32 links and unlinks under the lock of the VMA layer: one acquisition in all, which
// the design counts.
TEST_CASE("a split in 2.6.32 takes one lock", "[vma][locks]") {
  World w("legacy", "2.6.32");
  kFaulted(w);
  const std::uint64_t before = w.all_locks();
  w.protect(2, 2, "r");
  CHECK(w.all_locks() - before == 1);
}

TEST_CASE("a vma that grows locks when its start moves, always since 3.7", "[vma][locks]") {
  const auto life = [](World& w) { w.map(2, 2, "rw").write(2); };
  CHECK(locks(life, [](World& w) { w.map(4, 2, "rw"); }) == Counts{0, 0, 0, 0, 1, 1, 1});
  CHECK(locks(life, [](World& w) { w.map(0, 2, "rw"); }) == Counts{1, 0, 1, 1, 1, 1, 1});
  CHECK(locks(life, [](World& w) { w.brk(4, 6); }) == Counts{0, 0, 0, 0, 1, 1, 1});
  CHECK(locks(life, [](World& w) { w.remap(2, 2, 4, kMremapMayMove, 2); }) ==
        Counts{0, 0, 0, 0, 1, 1, 1});
}

TEST_CASE("a hole that closes locks once", "[vma][locks]") {
  const auto life = [](World& w) { w.map(0, 6, "rw").write(0).unmap(2, 2); };
  CHECK(locks(life, [](World& w) { w.map(2, 2, "rw"); }) == Counts{0, 0, 1, 1, 1, 1, 1});
}

//  | fl | un | fl |: the middle gets the flags of both
TEST_CASE("a changed range that joins three vmas locks twice up to 6.0", "[vma][locks]") {
  const auto life = [](World& w) {
    w.map(0, 6, "rw").write(0).unmap(2, 2).map(2, 2, "r");
    REQUIRE(w.spaces().vmas(MmId{0}).size() == 3);
  };
  CHECK(locks(life, [](World& w) { w.protect(2, 2, "rw"); }) == Counts{0, 0, 2, 2, 2, 1, 1});
}

//  | fl | ** un |  and  | un ** | fl |: the boundary shifts. Up to 3.6 only the lower vma counted.
TEST_CASE("a boundary that shifts locks", "[vma][locks]") {
  const auto below = [](World& w) { w.map(0, 2, "rw").write(0).map(2, 2, "r"); };
  CHECK(locks(below, [](World& w) { w.protect(2, 1, "rw"); }) == Counts{1, 0, 1, 1, 1, 1, 1});
  const auto above = [](World& w) { w.map(2, 2, "rw").write(2).map(0, 2, "r"); };
  CHECK(locks(above, [](World& w) { w.protect(1, 1, "rw"); }) == Counts{1, 0, 0, 0, 1, 1, 1});
  CHECK(locks(below, [](World& w) { w.protect(2, 2, "rw"); }) == Counts{0, 0, 1, 1, 1, 1, 1});
  CHECK(locks(above, [](World& w) { w.protect(0, 2, "rw"); }) == Counts{0, 0, 1, 1, 1, 1, 1});
}

TEST_CASE("a stack that grows locks in all eras", "[vma][locks]") {
  const auto life = [](World& w) { w.map(1000, 2, "rw", kMapGrowsDown); };
  CHECK(locks(life, [](World& w) { w.grow(999); }) == Counts{1, 1, 1, 1, 1, 1, 1});
}

TEST_CASE("a copy by mremap, a fork and an exit leave the locks to mm/rmap.c", "[vma][locks]") {
  CHECK(locks(kFaulted, [](World& w) { w.move(0, 4, 20); }) == Counts{});
  CHECK(locks(kFaulted, [](World& w) { w.fork(1).in(1).exit(); }) == Counts{});
}

}  // namespace
}  // namespace anonvma::test
