// mlock, madvise and mseal: calls that walk a range, set flags and sometimes populate.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

TEST_CASE("mlock splits and populates, munlock merges back", "[vma]") {
  World w;
  w.map(0, 6, "rw").mlock(2, 2);
  CHECK(w.show() == "0-2 rw unfaulted | 2-4 rw locked faulted a1 | 4-6 rw unfaulted");
  w.munlock(2, 2);
  CHECK(w.show() == "0-6 rw faulted a1");
}

TEST_CASE("munlock of a faulted range merges with unfaulted neighbours from 6.16 on",
          "[vma][rules]") {
  const auto life = [](World& w) { w.map(0, 6, "rw").mlock(2, 2).munlock(2, 2); };
  expect(since("6.16"), life, "0-6 rw faulted a1");
  expect(between("3.0", "6.16"), life, "0-2 rw unfaulted | 2-4 rw faulted a1 | 4-6 rw unfaulted");
  expect(before("3.0"), life, "0-6 rw faulted a1");
}

TEST_CASE("mlock stops at a hole, and then populates nothing", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").mlock(0, 6, -12);
  CHECK(w.show() == "0-2 rw locked unfaulted | 4-6 rw unfaulted");
}

TEST_CASE("mlock rounds its range out to pages", "[vma]") {
  World w;
  w.map(0, 4, "rw");
  w.apply(Lock{World::addr(1) + 100, kPage, 0, 0, 0}, MmId{0});
  CHECK(w.show() == "0-1 rw unfaulted | 1-3 rw locked faulted a1 | 3-4 rw unfaulted");
}

TEST_CASE("populating stops at the first inaccessible vma", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(2, 2, "").map(4, 2, "rw").mlock(0, 6, -12);
  CHECK(w.show() == "0-2 rw locked faulted a1 | 2-4 - locked unfaulted | 4-6 rw locked unfaulted");
}

TEST_CASE("mlock2(MLOCK_ONFAULT) prepares nothing", "[vma]") {
  World w;
  w.map(0, 4, "rw").mlock_onfault(0, 2);
  CHECK(w.show() == "0-2 rw locked onfault unfaulted | 2-4 rw unfaulted");
  w.mlock(0, 2);
  CHECK(w.show() == "0-2 rw locked faulted a1 | 2-4 rw unfaulted");
}

TEST_CASE("mlock skips special, huge and droppable vmas", "[vma]") {
  for (const std::uint64_t flag :
       {kVmIo, kVmDontExpand, kVmPfnMap, kVmMixedMap, kVmHugeTlb, kVmDroppable}) {
    World w;
    w.map_read_back(0, 2, kVmRead | kVmMayAccess | flag).mlock(0, 2).mlockall(kMclCurrent);
    CHECK_FALSE(w.has(0, kVmLocked));
  }
}

TEST_CASE("locked private memory is populated when it becomes writable", "[vma]") {
  World w;
  w.map(0, 4, "r").mlock(0, 2).protect(0, 4, "rw");
  CHECK(w.show() == "0-2 rw locked faulted a1 | 2-4 rw unfaulted");
}

TEST_CASE("memory locked on fault is not populated when it becomes writable", "[vma]") {
  World w;
  w.map(0, 2, "r").mlock_onfault(0, 2).protect(0, 2, "rw");
  CHECK(w.show() == "0-2 rw locked onfault unfaulted");
}

TEST_CASE("mlock over the limit changes nothing", "[vma]") {
  World w;
  w.map(0, 6, "rw").mlock(2, 2, -12);
  CHECK(w.show() == "0-6 rw unfaulted");
}

// Another thread may unmap locked memory before the call has populated it.
TEST_CASE("with other tasks a Touch tells what mlock has populated", "[vma]") {
  const auto life = [](Role role, bool shared) {
    World w("num-children", "6.19", {.role = role});
    if (shared) w.apply(Shared{}, MmId{0});
    w.map(0, 4, "rw").mlock(0, 2).mlockall(kMclCurrent);
    return w.show();
  };
  CHECK(life(Role::own, true) == "0-4 rw locked unfaulted");
  CHECK(life(Role::own, false) == "0-4 rw locked faulted a1");
  CHECK(life(Role::rival, true) == "0-4 rw locked faulted a1");
}

TEST_CASE("a huge mapping at no huge page is refused before anything is unmapped", "[vma]") {
  World w;
  w.map(0, 4, "rw");
  w.apply(Map{.addr = World::addr(1) - 2 * kPage,
              .len = kPage,
              .prot = 3,
              .map_flags = 2u | kMapFixed | kMapAnonymous | kMapHugeTlb,
              .ops = kOpsHole,
              .ret = -22},
          MmId{0});
  CHECK(w.show() == "0-4 rw unfaulted");
}

// Pages 0 to 2 are locked already, so the flags of the first vma say nothing.
TEST_CASE("whether locked_vm grew tells a failed populate from the limit", "[vma]") {
  const auto after = [](std::uint64_t grown) {
    World w;
    w.map(0, 6, "rw").mlock(0, 2);
    w.apply(Lock{.addr = World::addr(0), .len = 4 * kPage, .ret = -12, .locked = grown + 1},
            MmId{0});
    return w.show();
  };
  CHECK(after(2) == "0-4 rw locked faulted a1 | 4-6 rw unfaulted");
  CHECK(after(0) == "0-2 rw locked faulted a1 | 2-6 rw unfaulted");
}

// locked_vm never grows here, so the flags of the first vma decide.
TEST_CASE("a failed mlock2 may still have changed how memory is locked", "[vma]") {
  const auto after = [](std::uint64_t vm_flags) {
    World w;
    w.map(0, 4, "rw").mlock_onfault(0, 4);
    w.apply(Lock{.addr = World::addr(0),
                 .len = 2 * kPage,
                 .ret = -12,
                 .vm_flags = vm_flags,
                 .locked = 1},
            MmId{0});
    return w.show();
  };
  CHECK(after(kVmLocked) == "0-2 rw locked faulted a1 | 2-4 rw locked onfault unfaulted");
  CHECK(after(kVmLocked | kVmLockOnFault) == "0-4 rw locked onfault unfaulted");
}

TEST_CASE("a droppable mapping gives up MCL_FUTURE after it has looked for neighbours", "[vma]") {
  constexpr std::uint64_t kFlags = kVmRead | kVmWrite | kVmMayAccess | kVmDroppable;
  World w;
  w.map_read_back(0, 2, kFlags).map_read_back(2, 2, kFlags);
  CHECK(w.show() == "0-4 rw unfaulted");
  w.mlockall(kMclFuture).map_read_back(4, 2, kFlags);
  CHECK(w.show() == "0-4 rw unfaulted | 4-6 rw faulted a1");
}

TEST_CASE("mlockall(MCL_CURRENT) prepares all that is private and writable", "[vma]") {
  World w;
  w.map(0, 1, "rw").map(2, 1, "").map(4, 1, "rw").map(6, 1, "r").mlockall(kMclCurrent);
  CHECK(w.show() ==
        "0-1 rw locked faulted a1 | 2-3 - locked unfaulted | 4-5 rw locked faulted a2 | "
        "6-7 r locked unfaulted");
  w.map(8, 1, "rw").munlockall();
  CHECK(w.show() ==
        "0-1 rw faulted a1 | 2-3 - unfaulted | 4-5 rw faulted a2 | "
        "6-7 r unfaulted | 8-9 rw unfaulted");
}

//  |  unfaulted  | ** |   ->  |  unfaulted  | locked faulted |
TEST_CASE("mlockall(MCL_FUTURE): new mappings are locked, populated, and join no older ones",
          "[vma]") {
  World w;
  w.map(0, 2, "rw").mlockall(kMclFuture).map(2, 2, "rw").map(4, 2, "r");
  CHECK(w.show() == "0-2 rw unfaulted | 2-4 rw locked faulted a1 | 4-6 r locked unfaulted");
  w.munlockall().map(6, 2, "rw");
  CHECK(w.show() == "0-4 rw faulted a1 | 4-6 r unfaulted | 6-8 rw unfaulted");
}

TEST_CASE("mlockall(MCL_FUTURE) splits the heap and is not inherited", "[vma]") {
  World w;
  w.brk(0, 2).mlockall(kMclFuture).brk(2, 4);
  CHECK(w.show() == "0-2 rw unfaulted | 2-4 rw locked faulted a1");
  w.fork(1).in(1).map(8, 1, "rw");
  CHECK(w.show(1) == "0-2 rw unfaulted | 2-4 rw forked a1 | 8-9 rw unfaulted");
}

TEST_CASE("mlockall(MCL_ONFAULT) prepares nothing, now or later", "[vma]") {
  World w;
  w.map(0, 2, "rw").mlockall(kMclCurrent | kMclFuture | kMclOnFault).map(2, 2, "rw").brk(8, 9);
  CHECK(w.show() == "0-4 rw locked onfault unfaulted | 8-9 rw locked onfault unfaulted");
}

TEST_CASE("madvise passes over a hole", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").map(6, 1, "rw").advise(0, 6, kMadvDontFork, -12);
  CHECK(w.show() == "0-2 rw dontfork unfaulted | 4-6 rw dontfork unfaulted | 6-7 rw unfaulted");
}

TEST_CASE("madvise changes one flag back and forth", "[vma]") {
  struct Pair {
    std::uint64_t set, clear, flag;
  };
  for (const Pair& p :
       {Pair{kMadvRandom, kMadvNormal, kVmRandRead}, Pair{kMadvSequential, kMadvNormal, kVmSeqRead},
        Pair{kMadvDontFork, kMadvDoFork, kVmDontCopy},
        Pair{kMadvMergeable, kMadvUnmergeable, kVmMergeable},
        Pair{kMadvDontDump, kMadvDoDump, kVmDontDump},
        Pair{kMadvWipeOnFork, kMadvKeepOnFork, kVmWipeOnFork}}) {
    INFO("advice " << p.set);
    World w;
    w.map(0, 4, "rw").advise(2, 2, p.set);
    CHECK(w.has(2, p.flag));
    CHECK_FALSE(w.has(0, p.flag));
    w.advise(2, 2, p.clear);
    CHECK(w.show() == "0-4 rw unfaulted");
  }
}

TEST_CASE("madvise: of two opposite flags one is set", "[vma]") {
  World w;
  w.map(0, 2, "rw").advise(0, 2, kMadvHugePage);
  CHECK(w.has(0, kVmHugePage));
  w.advise(0, 2, kMadvNoHugePage).advise(0, 2, kMadvSequential).advise(0, 2, kMadvRandom);
  CHECK(w.has(0, kVmNoHugePage | kVmRandRead));
  CHECK_FALSE(w.has(0, kVmHugePage));
  CHECK_FALSE(w.has(0, kVmSeqRead));
}

TEST_CASE("madvise that fails at one vma has changed those before it", "[vma]") {
  World w;
  w.map(0, 2, "rw").file(2, 2, "rw", 5).map(4, 2, "rw").advise(0, 6, kMadvWipeOnFork, -22);
  CHECK(w.show() == "0-2 rw wipe unfaulted | 2-4 rw unfaulted | 4-6 rw unfaulted");
}

TEST_CASE("madvise refused for a reason the model cannot see changes nothing", "[vma]") {
  for (const int error : {-22, -13, -11}) {
    World w;
    w.map(0, 2, "rw").advise(0, 2, kMadvDontFork, error);
    CHECK(w.show() == "0-2 rw unfaulted");
  }
}

TEST_CASE("guard regions prepare anonymous memory, and stop at what is locked", "[vma]") {
  World w;
  w.map(0, 1, "rw").file(2, 1, "r", 5).map(4, 1, "r", kMapLocked).map(6, 1, "rw");
  w.advise(0, 7, kMadvGuardInstall, -22);
  CHECK(w.show() ==
        "0-1 rw guard faulted a1 | 2-3 r guard unfaulted | 4-5 r locked unfaulted | "
        "6-7 rw unfaulted");
}

TEST_CASE("MADV_POPULATE_WRITE prepares", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 1, "rw", kMapShared).advise(0, 2, 22 /* POPULATE_READ */);
  CHECK(w.spaces().rmap().prepared().vmas == 0);
  w.advise(0, 2, kMadvPopulateWrite).advise(4, 1, kMadvPopulateWrite);
  CHECK(w.show() == "0-2 rw faulted a1 | 4-5 rw unfaulted");
}

TEST_CASE("MADV_POPULATE_WRITE stops at a hole, and at what must not be written", "[vma]") {
  World w;
  w.map(0, 6, "rw").protect(2, 2, "r").advise(0, 6, kMadvPopulateWrite, -22);
  CHECK(w.show() == "0-2 rw faulted a1 | 2-4 r unfaulted | 4-6 rw unfaulted");
  World hole;
  hole.map(0, 2, "rw").map(4, 2, "rw").advise(0, 6, kMadvPopulateWrite, -12);
  CHECK(hole.show() == "0-2 rw faulted a1 | 4-6 rw unfaulted");
}

TEST_CASE("mseal splits, and what it sealed mprotect stops at", "[vma]") {
  World w;
  w.map(0, 6, "rw", kMapNoReserve).seal(2, 2).protect(0, 6, "r", -1);
  CHECK(w.show() == "0-2 r unfaulted | 2-4 rw sealed unfaulted | 4-6 rw unfaulted");
  w.seal(4, 2);
  CHECK(w.show() == "0-2 r unfaulted | 2-6 rw sealed unfaulted");
  w.seal(0, 2, -12);
  CHECK(w.show() == "0-2 r unfaulted | 2-6 rw sealed unfaulted");
}

//  |     unfaulted     | sealed |      munmap over both: the first has been split by then
TEST_CASE("munmap refused by a sealed vma leaves the split at its start", "[vma]") {
  World w;
  w.map(0, 4, "rw").seal(3, 1).apply(Unmap{World::addr(1), 3 * kPage, -1}, MmId{0});
  CHECK(w.show() == "0-1 rw unfaulted | 1-3 rw unfaulted | 3-4 rw sealed unfaulted");
  w.apply(Unmap{World::addr(3), kPage, -1}, MmId{0});
  CHECK(w.show() == "0-1 rw unfaulted | 1-3 rw unfaulted | 3-4 rw sealed unfaulted");
}

TEST_CASE("madvise stops where it would discard sealed memory", "[vma]") {
  World w;
  w.map(0, 6, "r").seal(2, 2).advise(0, 6, kMadvDontFork, -1);
  CHECK(w.show() == "0-2 r dontfork unfaulted | 2-4 r sealed unfaulted | 4-6 r unfaulted");
}

TEST_CASE("a move of several vmas that a sealed one stops has moved those before", "[vma]") {
  expect(
      since("6.17"),
      [](World& w) {
        w.map(0, 2, "rw").map(2, 2, "r").map(4, 2, "rw").seal(2, 2);
        w.remap_fails(0, 6, 6, kMremapMayMove | kMremapFixed, 20, -1);
      },
      "2-4 r sealed unfaulted | 4-6 rw unfaulted | 20-22 rw unfaulted");
}

}  // namespace
}  // namespace anonvma::test
