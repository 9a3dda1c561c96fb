// When a vma gets its anon_vma, the neighbours that may donate it, and the growth of stacks.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

TEST_CASE("faults prepare writable private memory only", "[vma]") {
  World w;
  w.map(0, 1, "r").map(2, 1, "rw", kMapShared, 5).map(4, 1, "rw", 0, 6).map(6, 1, "rw");
  w.write(0).write(2).write(4).read(6);
  CHECK(w.show() == "0-1 r unfaulted | 2-3 rw unfaulted | 4-5 rw faulted a1 | 6-7 rw unfaulted");
  CHECK(w.spaces().rmap().prepared().vmas == 1);
}

// FOLL_FORCE: ptrace and /proc/PID/mem write to memory that its owner may only read. Guard regions of
// 6.15 to 6.18 prepare shared memory.
TEST_CASE("a touch prepares read-only and shared memory, too", "[vma]") {
  World w;
  w.map(0, 1, "r").map(2, 1, "r", kMapShared, 5).touch(0).touch(2).touch(9);
  CHECK(w.show() == "0-1 r faulted a1 | 2-3 r faulted a2");
  w.touch(0);
  CHECK(w.spaces().rmap().prepared().vmas == 2);
}

TEST_CASE("a raced write is the kernel's to explain, and every rival's first write", "[vma]") {
  const auto life = [](Role role) {
    World w("num-children", "6.18.16", {.role = role});
    w.map(0, 2, "rw").map(4, 2, "rw").race(0).race(4).touch(4);
    return w.show();
  };
  CHECK(life(Role::own) == "0-2 rw unfaulted | 4-6 rw faulted a1");
  CHECK(life(Role::rival) == "0-2 rw faulted a1 | 4-6 rw faulted a2");
}

//  |  rw  |  rwx  |     two tasks write to neighbours at once
TEST_CASE("of two tasks that prepare neighbours at once, both may allocate", "[vma]") {
  const auto begin = [](World& w) { w.map(0, 4, "rw").protect(2, 2, "rwx").touch(0).touch(2); };
  expect(
      every_era(), [&](World& w) { begin(w), w.allocates(0).allocates(2); },
      "0-2 rw faulted a1 | 2-4 rwx faulted a2");
  expect(
      every_era(), [&](World& w) { begin(w), w.allocates(2).allocates(0); },
      "0-2 rw faulted a1 | 2-4 rwx faulted a2");
  expect(
      every_era(), [&](World& w) { begin(w), w.allocates(2); },
      "0-2 rw faulted a1 | 2-4 rwx faulted a1");
  expect(  // two tasks at one vma: the second comes too late, and frees what it has allocated
      every_era(), [&](World& w) { begin(w), w.allocates(0).allocates(0); },
      "0-2 rw faulted a1 | 2-4 rwx faulted a1");
}

// Before the second event the model had one anon_vma for both, whose object stays.
TEST_CASE("every design gives an anon_vma of its own to the second of two tasks", "[vma]") {
  for (const char* const design :
       {"legacy", "avc-2.6.34", "avc-3.0", "degree", "num-children", "linux-7.0"}) {
    INFO(design);
    World w(design, "6.18.16", {.role = Role::rival});
    w.map(0, 4, "rw").protect(2, 2, "rwx").race(0).race(2).allocates(0);
    const std::uint64_t before = w.allocs(kAnonVma);
    w.allocates(2);
    CHECK(w.show() == "0-2 rw faulted a1 | 2-4 rwx faulted a2");
    CHECK(w.allocs(kAnonVma) == before + 1);
    w.exit();
    CHECK(w.active(kAnonVma) == 0);
    CHECK(w.active(kAnonVmaChain) == 0);
  }
}

//  |  rw  |  rwx  |  rw  |     one mapping before: flags differ in access only
TEST_CASE("a first write takes the anon_vma of the next vma, else of the previous", "[vma]") {
  const auto split = [](World& w) { w.map(0, 6, "rw", kMapNoReserve).protect(2, 2, "rwx"); };
  const auto apart = [&](World& w) { split(w), w.write(0).write(4); };
  expect(every_era(), apart, "0-2 rw faulted a1 | 2-4 rwx unfaulted | 4-6 rw faulted a2");
  expect(
      every_era(), [&](World& w) { apart(w), w.write(2); },
      "0-2 rw faulted a1 | 2-4 rwx faulted a2 | 4-6 rw faulted a2");
  expect(
      every_era(), [&](World& w) { split(w), w.write(0).write(2); },
      "0-2 rw faulted a1 | 2-4 rwx faulted a1 | 4-6 rw unfaulted");
}

TEST_CASE("no anon_vma is taken from a vma of other flags, file or offset", "[vma]") {
  const std::string_view apart = "0-2 rw faulted a1 | 2-4 rw faulted a2";
  expect(
      every_era(),
      [](World& w) { w.map(0, 2, "rw").map(2, 2, "rw", kMapNoReserve).write(0).write(2); }, apart);
  expect(
      every_era(), [](World& w) { w.file(0, 2, "rw", 5).file(2, 2, "rw", 6).write(0).write(2); },
      apart);
  expect(
      every_era(),
      [](World& w) { w.map(0, 2, "rw", 0, 5, 0).map(2, 2, "rw", 0, 5, 7).write(0).write(2); },
      apart);
}

//  |  forked  |  unfaulted  |    the chain of the neighbour is not singular
TEST_CASE("a forked vma gives no anon_vma away", "[vma]") {
  expect(
      every_era(),
      [](World& w) {
        w.map(0, 4, "rw", kMapNoReserve).protect(2, 2, "rwx").write(0).fork(1).in(1).write(2);
      },
      "0-2 rw forked a1 | 2-4 rwx faulted a2", 1);
}

TEST_CASE("a stack grows by a fault below it, of either kind", "[vma]") {
  World w;
  w.map(1000, 2, "rw", kMapGrowsDown).grow(998);
  CHECK(w.show() == "998-1002 rw faulted a1");
  CHECK(w.pgoff(998) == 998);
  w.grow(995, kFaultWrite);
  CHECK(w.show() == "995-1002 rw faulted a1");
  CHECK(w.allocs(kVmAreaStruct) == 1);
  CHECK(w.spaces().map_counts().mismatches() == 0);
}

TEST_CASE("from 6.1.37 on a stack grows only with the write lock", "[vma][rules]") {
  const auto ask = [](World& w) { w.map(1000, 2, "rw", kMapGrowsDown).write(998); };
  expect(since("6.1.37"), ask, "1000-1002 rw unfaulted");
  expect(before("6.1.37"), ask, "998-1002 rw faulted a1");
  expect(
      every_era(), [](World& w) { w.map(1000, 2, "rw", kMapGrowsDown).grow(998); },
      "998-1002 rw faulted a1");
}

TEST_CASE("before 6.1.37 a touch below a stack tells that it was grown", "[vma][rules]") {
  const auto touch = [](World& w) { w.map(1000, 2, "rw", kMapGrowsDown).touch(998); };
  expect(since("6.1.37"), touch, "1000-1002 rw unfaulted");
  expect(before("6.1.37"), touch, "998-1002 rw faulted a1");
  expect(
      every_era(), [](World& w) { w.map(1000, 2, "rw").touch(998); }, "1000-1002 rw unfaulted");
}

TEST_CASE("the distance of a stack is the recording kernel's", "[vma]") {
  const auto grows_to_800 = [](std::uint64_t guard, std::uint64_t below_end) {
    World w("num-children", "6.19", {.stack_guard_pages = guard});
    w.map(below_end - 2, 2, "rw").map(1000, 2, "rw", kMapGrowsDown).grow(800);
    return w.id(800) == w.id(1001);
  };
  CHECK(grows_to_800(1, 799));
  CHECK_FALSE(grows_to_800(1, 800));
  CHECK(grows_to_800(0, 800));
  CHECK(grows_to_800(512, 800 - 512));
  CHECK_FALSE(grows_to_800(512, 800 - 511));
}

TEST_CASE("a stack keeps 256 pages to what is below it", "[vma]") {
  const auto grows_to_800 = [](std::uint64_t below_end, std::string_view prot,
                               std::uint64_t flags = 0) {
    World w;
    w.map(below_end - 2, 2, prot, flags).map(1000, 2, "rw", kMapGrowsDown).grow(800);
    return w.id(800) == w.id(1001);
  };
  CHECK(grows_to_800(800 - 256, "rw"));
  CHECK_FALSE(grows_to_800(800 - 255, "rw"));
  CHECK_FALSE(grows_to_800(800, "r"));
  CHECK(grows_to_800(800, ""));  // no task can reach it
  CHECK(grows_to_800(800, "rw", kMapGrowsDown));
}

TEST_CASE("a fault below an ordinary vma is a signal", "[vma]") {
  World w;
  w.map(10, 2, "rw").grow(9).write(40);
  CHECK(w.show() == "10-12 rw unfaulted");
  CHECK(w.spaces().anomalies()[Anomaly::fault_without_vma] == 3);
}

TEST_CASE("map_count is compared before the operation", "[vma]") {
  World w;
  w.map(0, 2, "rw").apply(Unmap{World::addr(0), kPage, 0}, MmId{0}, 1);
  CHECK(w.spaces().map_counts().mismatches() == 0);
  w.apply(Unmap{World::addr(1), kPage, 0}, MmId{0}, 3);
  REQUIRE(w.spaces().map_counts().mismatches() == 1);
  CHECK(w.spaces().map_counts().first()->kernel == 3);
  CHECK(w.spaces().map_counts().first()->model == 1);
  CHECK(w.spaces().map_counts().first()->operation == "unmap");
}

TEST_CASE("impossible events are counted, not believed", "[vma]") {
  World w;
  w.apply(Unmap{1, kPage, 0}, MmId{0});
  w.apply(Map{.addr = 0, .len = ~0ull, .ret = 0x1000}, MmId{0});
  w.apply(Unmap{0, kPage, 0}, MmId{77});
  w.apply(Fork{MmId{0}, 0}, MmId{0});
  w.map(0, 4, "rw").remap(0, 2, 4, 0, 0).brk(2, 4);  // over an existing mapping
  CHECK(w.show() == "0-4 rw unfaulted");
  CHECK(w.spaces().anomalies()[Anomaly::bad_range] >= 3);
  CHECK(w.spaces().anomalies()[Anomaly::unknown_mm] == 1);
  CHECK(w.spaces().anomalies()[Anomaly::born_twice] == 1);
}

TEST_CASE("a neighbour with a close hook shares its anon_vma, but not in legacy", "[vma]") {
  const auto faulted = [](std::string_view strategy, std::uint64_t first, std::uint64_t second) {
    World w(strategy);
    w.file(0, 2, "rw", 5, first).file(2, 2, "rwx", 5, second).write(0).write(2);
    return w.active(kAnonVma);
  };
  for (const char* strategy : {"avc-3.0", "degree", "num-children", "linux-7.0"})
    CHECK(faulted(strategy, kOpsClose, kOpsClose) == 1);
  CHECK(faulted("legacy", kOpsClose, kOpsClose) == 2);
  CHECK(faulted("legacy", kOpsClose, 0) == 2);
  CHECK(faulted("legacy", 0, kOpsClose) == 1);  // the vma that asks may have a hook
}

}  // namespace
}  // namespace anonvma::test
