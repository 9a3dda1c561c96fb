// Snapshots: the start of an mm at exec, and updates after unseen writers. attach_test.cpp tests
// processes alive when recording begins.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

//  |  r file  |  rw file fl  |      |  stack fl  |
const std::vector<Shown> kProgram = {
    {.start = 0, .end = 2, .prot = "r", .file = 5},
    {.start = 2, .end = 4, .prot = "rw", .anon_vma = 1, .file = 5, .pgoff = 2},
    {.start = 1000, .end = 1004, .prot = "rw", .flags = kVmGrowsDown, .anon_vma = 2}};

TEST_CASE("exec takes the finished address space", "[vma]") {
  World w;
  w.exec(1, kProgram);
  CHECK(w.show(1) == "0-2 r unfaulted | 2-4 rw faulted a1 | 1000-1004 rw faulted a2");
  CHECK(w.allocs(kVmAreaStruct) == 3);
  CHECK(w.allocs(kAnonVma) == 2);
  w.in(1).grow(998).map(4, 2, "r", 0, 5, 4);
  CHECK(w.show(1) ==
        "0-2 r unfaulted | 2-4 rw faulted a1 | 4-6 r unfaulted | 998-1004 rw faulted a2");
}

TEST_CASE("exec begins with the def_flags and the name of its snapshot", "[vma]") {
  World w;
  const Comm comm = make_comm("worker");
  w.apply(Exec{}, MmId{1});
  Snapshot snapshot = World::snapshot_event(SnapReason::exec, 0, kVmLocked);
  snapshot.comm_lo = comm.lo;
  snapshot.comm_hi = comm.hi;
  w.apply(snapshot, MmId{1});
  w.in(1).map(0, 2, "rw").fork(2);
  CHECK(w.show(1) == "0-2 rw locked faulted a1");
  CHECK(w.spaces().comm(MmId{2}) == "worker");
}

// An unseen writer in mm 0, which had `life` before: the layout, and the number of vmas taken over.
template <class Life>
std::string overtaken(Life life, const std::vector<Shown>& vmas) {
  World w;
  life(w);
  return w.unseen_writer(vmas).show();
}
template <class Life>
std::uint64_t taken_over(Life life, const std::vector<Shown>& vmas) {
  World w;
  life(w);
  return w.unseen_writer(vmas).spaces().anomalies()[Anomaly::resynchronised];
}

const auto kOneFaulted = [](World& w) { w.map(0, 6, "rw").write(0); };

TEST_CASE("what is taken over from an unseen writer is counted", "[vma]") {
  CHECK(taken_over(kOneFaulted, {{.start = 0, .end = 6, .prot = "rw", .anon_vma = 1}}) == 0);
  CHECK(taken_over(kOneFaulted, {{.start = 0, .end = 2, .prot = "rw", .anon_vma = 1},
                                 {.start = 8, .end = 9, .prot = "r", .file = 5}}) == 2);
  CHECK(taken_over(kOneFaulted, {}) == 1);
}

// Memory that such a snapshot lacks is unknown: it may be mapped.
TEST_CASE("an unfinished snapshot changes nothing that is alive, and is a birth all the same",
          "[vma]") {
  const SnapVma first = World::snap_vma({.start = 0, .end = 2, .prot = "r", .file = 5});
  World w;
  kOneFaulted(w);
  w.apply(UnknownWrite{}, MmId{0});
  w.apply(World::snapshot_event(SnapReason::unknown_write, 2), MmId{0});
  w.apply(first, MmId{0});
  w.finish();
  CHECK(w.show() == "0-6 rw faulted a1");
  CHECK(w.spaces().anomalies()[Anomaly::resynchronised] == 0);
  w.apply(Exec{}, MmId{1});
  w.apply(World::snapshot_event(SnapReason::exec, 2), MmId{1});
  w.apply(first, MmId{1});
  w.finish();
  CHECK(w.show(1) == "0-2 r unfaulted");
}

//  |        fl a1        |   ->  | fl a1 | fl a1 uffd | fl a1 |
TEST_CASE("an unseen writer that set a flag on a part: the vma splits", "[vma]") {
  CHECK(overtaken(kOneFaulted,
                  {{.start = 0, .end = 2, .prot = "rw", .anon_vma = 1},
                   {.start = 2, .end = 4, .prot = "rw", .flags = kVmUffdMissing, .anon_vma = 1},
                   {.start = 4, .end = 6, .prot = "rw", .anon_vma = 1}}) ==
        "0-2 rw faulted a1 | 2-4 rw uffd faulted a1 | 4-6 rw faulted a1");
}

//  | fl a1 | fl a1 random | fl a1 |   ->  |        fl a1        |
TEST_CASE("an unseen writer that took a flag away: the vmas merge", "[vma]") {
  const auto split = [](World& w) { kOneFaulted(w), w.advise(2, 2, kMadvRandom); };
  CHECK(overtaken(split, {{.start = 0, .end = 6, .prot = "rw", .anon_vma = 1}}) ==
        "0-6 rw faulted a1");
}

TEST_CASE("an unseen writer that mapped and unmapped", "[vma]") {
  CHECK(overtaken(kOneFaulted, {{.start = 0, .end = 2, .prot = "rw", .anon_vma = 1},
                                {.start = 8, .end = 9, .prot = "r", .file = 5}}) ==
        "0-2 rw faulted a1 | 8-9 r unfaulted");
  CHECK(overtaken(kOneFaulted, {}) == "");
}

TEST_CASE("an unseen mapping over another file's or another place's replaces it", "[vma]") {
  const auto file = [](World& w) { w.map(0, 4, "r", 0, 5, 0); };
  CHECK(overtaken(file, {{.start = 0, .end = 4, .prot = "r", .file = 6}}) == "0-4 r unfaulted");
  CHECK(overtaken(file, {{.start = 0, .end = 2, .prot = "r", .file = 5},
                         {.start = 2, .end = 4, .prot = "r", .file = 5, .pgoff = 9}}) ==
        "0-2 r unfaulted | 2-4 r unfaulted");
  World w;
  w.map(0, 4, "r", 0, 5, 0);
  w.unseen_writer({{.start = 0, .end = 4, .prot = "r", .file = 6}});
  CHECK(w.spaces().vma(w.id(0)).file == 6);
}

// On arm64 no event shows the fault.
TEST_CASE("a stack that grew without a fault being seen stays one vma", "[vma]") {
  const auto forked = [](World& w) { w.map(100, 4, "rw", kMapGrowsDown).write(100).fork(1).in(1); };
  World w;
  forked(w);
  w.unseen_writer({{.start = 96, .end = 104, .prot = "rw", .flags = kVmGrowsDown, .anon_vma = 1}});
  CHECK(w.show(1) == "96-104 rw forked a1");
  CHECK(w.spaces().anomalies()[Anomaly::resynchronised] == 1);
}

TEST_CASE("what an unseen writer mapped and wrote to is faulted", "[vma]") {
  CHECK(overtaken([](World&) {}, {{.start = 4, .end = 6, .prot = "rw", .anon_vma = 1}}) ==
        "4-6 rw faulted a1");
}

// Unexplained boundaries belong to the strategy: another one may keep vmas apart that
// this kernel merged.
// map_shadow_stack() and a new thread's shadow stack, on x86 and arm64.
TEST_CASE("a shadow stack that an unseen writer mapped merges with shadow stacks alone", "[vma]") {
  constexpr std::uint64_t kVmShadowStack = 1ull << 37;
  World w;
  w.map(4, 4, "rw").map(12, 4, "rw");
  const Shown low{.start = 4, .end = 8, .prot = "rw"}, high{.start = 12, .end = 16, .prot = "rw"};
  const Shown stack{.start = 8, .end = 12, .prot = "rw", .flags = kVmShadowStack};
  w.unseen_writer({low, stack, high});
  CHECK(w.show() == "4-8 rw unfaulted | 8-12 rw unfaulted | 12-16 rw unfaulted");
  w.write(8).write(4).fork(1);
  CHECK(w.show(1) == "4-8 rw forked a1 | 8-12 rw forked a2 | 12-16 rw unfaulted");
  CHECK((w.spaces().vma(w.id(8)).flags & kVmShadowStack) != 0);
  w.unmap(8, 4);  // the thread ends
  CHECK(w.show() == "4-8 rw faulted a1 | 12-16 rw unfaulted");
}

TEST_CASE("a range whose attributes agree keeps the boundaries of the model", "[vma]") {
  const auto two = [](World& w) {
    w.map(0, 3, "rw").map(6, 3, "rw").write(0).write(6).map(3, 3, "rw");
  };
  CHECK(overtaken(two, {{.start = 0, .end = 9, .prot = "rw", .anon_vma = 1}}) ==
        "0-6 rw faulted a1 | 6-9 rw faulted a2");
}

//  | A | B |  the flags of all of A become those of B: A stays a vma of its own, as in the kernel
TEST_CASE("a vma with the range of the snapshot's merges with nothing", "[vma]") {
  const auto two = [](World& w) { w.map(0, 2, "r").file(2, 2, "r", 5).file(4, 2, "rx", 5); };
  CHECK(overtaken(two, {{.start = 0, .end = 2, .prot = "r"},
                        {.start = 2, .end = 4, .prot = "r", .file = 5, .pgoff = 2},
                        {.start = 4, .end = 6, .prot = "r", .file = 5, .pgoff = 4}}) ==
        "0-2 r unfaulted | 2-4 r unfaulted | 4-6 r unfaulted");
}

TEST_CASE("an unseen writer that set a policy or a context on a part", "[vma]") {
  for (const bool policy : {true, false}) {
    const std::uint32_t p = policy ? 7 : 0, c = policy ? 0 : 7;
    World w;
    kOneFaulted(w);
    w.unseen_writer(
        {{.start = 0, .end = 2, .prot = "rw", .anon_vma = 1},
         {.start = 2, .end = 6, .prot = "rw", .anon_vma = 1, .policy = p, .context = c}});
    CHECK(w.show() == "0-2 rw faulted a1 | 2-6 rw faulted a1");
    w.protect(2, 4, "r").protect(2, 4, "rw");
    CHECK(w.show() == "0-2 rw faulted a1 | 2-6 rw faulted a1");
    w.unseen_writer({{.start = 0, .end = 6, .prot = "rw", .anon_vma = 1}});
    CHECK(w.show() == "0-6 rw faulted a1");
  }
}

TEST_CASE("a split and a fork keep policy and context", "[vma]") {
  World w;
  w.exec(1, {{.start = 0, .end = 6, .prot = "rw", .policy = 7, .context = 8}});
  w.in(1).fork(2).in(2).protect(2, 2, "r").unmap(2, 2).map(2, 2, "rw");
  CHECK(w.show(2) == "0-2 rw unfaulted | 2-4 rw unfaulted | 4-6 rw unfaulted");
  w.in(1).move(4, 2, 20).map(22, 2, "rw");
  CHECK(w.show(1) == "0-4 rw unfaulted | 20-22 rw unfaulted | 22-24 rw unfaulted");
}

TEST_CASE("a snapshot brings mlockall's flag, too", "[vma]") {
  World w;
  w.apply(UnknownWrite{}, MmId{0});
  w.apply(World::snapshot_event(SnapReason::unknown_write, 0, kVmLocked), MmId{0});
  w.map(0, 2, "r");
  CHECK(w.show() == "0-2 r locked unfaulted");
}

//  |  rw  |  break  |      the break extends what is below, but for memory below the start of the heap
TEST_CASE("a snapshot tells where the heap begins", "[vma]") {
  for (const std::uint64_t start : {0, 4}) {
    World w;
    w.map(0, 4, "rw").apply(UnknownWrite{}, MmId{0});
    Snapshot snapshot = World::snapshot_event(SnapReason::unknown_write, 1);
    snapshot.start_brk = World::addr(start);
    w.apply(snapshot, MmId{0});
    w.apply(World::snap_vma({.start = 0, .end = 4, .prot = "rw"}), MmId{0});
    w.brk(4, 6);
    CHECK(w.show() == (start == 4 ? "0-4 rw unfaulted | 4-6 rw unfaulted" : "0-6 rw unfaulted"));
  }
}

TEST_CASE("snapshots at exit and at the end change nothing", "[vma]") {
  for (const SnapReason reason : {SnapReason::exit, SnapReason::end}) {
    World w;
    kOneFaulted(w);
    w.snapshot(0, reason, {{.start = 2, .end = 4, .prot = "r"}}).map(8, 1, "r");
    CHECK(w.show() == "0-6 rw faulted a1 | 8-9 r unfaulted");
    CHECK(w.spaces().anomalies()[Anomaly::resynchronised] == 0);
  }
}

TEST_CASE("a drift ends with the next snapshot", "[vma]") {
  World w("num-children", "6.18.16", {.role = Role::own});
  w.map(0, 2, "rw").apply(Unmap{World::addr(8), kPage, 0}, MmId{0}, 2);
  w.apply(Unmap{World::addr(8), kPage, 0}, MmId{0}, 1);
  CHECK(w.spaces().anomalies()[Anomaly::drifted] == 2);
  w.unseen_writer({{.start = 0, .end = 2, .prot = "rw"}});
  w.apply(Unmap{World::addr(8), kPage, 0}, MmId{0}, 1);
  CHECK(w.spaces().anomalies()[Anomaly::drifted] == 2);
}

TEST_CASE("overlapping and impossible vmas of a snapshot are counted", "[vma]") {
  World w;
  w.exec(1, {{.start = 0, .end = 4, .prot = "rw"},
             {.start = 2, .end = 6, .prot = "rw"},
             {.start = 9, .end = 8, .prot = "rw"}});
  CHECK(w.show(1) == "0-4 rw unfaulted");
  CHECK(w.spaces().anomalies()[Anomaly::bad_range] == 1);
}

}  // namespace
}  // namespace anonvma::test
