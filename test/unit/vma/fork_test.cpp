// fork and exit: the vmas of a child, their flags and their anon_vmas.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

TEST_CASE("fork copies every vma, whatever it is", "[vma]") {
  World w;
  w.map(0, 2, "").map(4, 2, "rw", kMapShared).file(8, 2, "r", 5).map(12, 2, "rw").write(12).fork(1);
  CHECK(w.show(1) == "0-2 - unfaulted | 4-6 rw unfaulted | 8-10 r unfaulted | 12-14 rw forked a1");
  CHECK(w.show(0) == "0-2 - unfaulted | 4-6 rw unfaulted | 8-10 r unfaulted | 12-14 rw faulted a1");
}

TEST_CASE("a faulted vma grows over a new mapping, a forked one does not", "[vma]") {
  World w;
  w.map(0, 2, "rw").write(0).fork(1);
  w.map(2, 2, "rw");
  CHECK(w.show(0) == "0-4 rw faulted a1");
  w.in(1).map(2, 2, "rw");
  CHECK(w.show(1) == "0-2 rw forked a1 | 2-4 rw unfaulted");
}

//  parent |  fl a1  |  fl a1  |      child |  fk a1  |  fk a2  |
TEST_CASE("fork gives vmas that shared an anon_vma one of their own each", "[vma]") {
  const auto life = [](World& w) { w.map(0, 4, "rw").write(0).protect(2, 2, "r").fork(1); };
  expect(every_era(), life, "0-2 rw faulted a1 | 2-4 r faulted a1", 0);
  expect(every_era(), life, "0-2 rw forked a1 | 2-4 r forked a2", 1);
  // Siblings never merge again in the child.
  expect(
      every_era(), [&](World& w) { life(w), w.in(1).protect(2, 2, "rw"); },
      "0-2 rw forked a1 | 2-4 rw forked a2", 1);
}

TEST_CASE("a vma that splits after the fork merges back in the child", "[vma]") {
  expect(
      every_era(),
      [](World& w) {
        w.map(0, 6, "rw").write(0).fork(1).in(1).protect(2, 2, "r").protect(2, 2, "rw");
      },
      "0-6 rw forked a1", 1);
}

TEST_CASE("WIPEONFORK: the child starts unfaulted, and keeps the flag", "[vma]") {
  World w;
  w.map(0, 2, "rw").write(0).advise(0, 2, kMadvWipeOnFork).fork(1).in(1).fork(2);
  CHECK(w.show(1) == "0-2 rw wipe unfaulted");
  CHECK(w.show(2) == "0-2 rw wipe unfaulted");
  CHECK(w.active(kAnonVma) == 1);
}

TEST_CASE("DONTFORK: the child has no such vma", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").write(0).write(4).advise(4, 2, kMadvDontFork).fork(1);
  CHECK(w.show(0) == "0-2 rw faulted a1 | 4-6 rw dontfork faulted a2");
  CHECK(w.show(1) == "0-2 rw forked a1");
}

TEST_CASE("fork unlocks the child's memory and takes its userfaultfds away", "[vma]") {
  World w;
  w.exec(1, {{.start = 0, .end = 2, .prot = "rw", .flags = kVmUffdMissing, .context = 3}});
  w.in(1).map(4, 2, "rw", kMapLocked).map(8, 2, "rw").mlock_onfault(8, 2).fork(2);
  CHECK(w.show(1) ==
        "0-2 rw uffd unfaulted | 4-6 rw locked faulted a1 | 8-10 rw locked onfault unfaulted");
  CHECK(w.show(2) == "0-2 rw unfaulted | 4-6 rw forked a1 | 8-10 rw unfaulted");
  w.in(2).map(2, 2, "rw");  // no context keeps it from merging
  CHECK(w.show(2) == "0-4 rw unfaulted | 4-6 rw forked a1 | 8-10 rw unfaulted");
}

TEST_CASE("a userfaultfd with UFFD_FEATURE_EVENT_FORK goes on in the child", "[vma]") {
  World w;
  w.exec(1, {{.start = 0,
              .end = 2,
              .prot = "rw",
              .flags = kVmUffdMissing,
              .context = 3 | SnapVma::kFollowsFork}});
  w.in(1).fork(2).in(2).map(2, 2, "rw");
  CHECK(w.show(2) == "0-2 rw uffd unfaulted | 2-4 rw unfaulted");
}

TEST_CASE("what a child inherits of mm->def_flags", "[vma]") {
  World w;
  w.apply(Exec{}, MmId{1});
  w.apply(World::snapshot_event(SnapReason::exec, 0, kVmLocked | kVmNoHugePage), MmId{1});
  w.in(1).fork(2).map(0, 2, "r").in(2).map(0, 2, "r");
  CHECK(w.has(0, kVmNoHugePage));
  CHECK_FALSE(w.has(0, kVmLocked));
  w.in(1);
  CHECK(w.has(0, kVmNoHugePage | kVmLocked));
}

TEST_CASE("exit gives back every object", "[vma]") {
  World w;
  w.map(0, 8, "rw").write(0).protect(2, 2, "r").fork(1).in(1).write(0).fork(2).in(0).exit();
  w.in(1).exit().in(2).exit();
  for (const CacheIndex c : {kVmAreaStruct, kAnonVmaChain, kAnonVma}) CHECK(w.active(c) == 0);
}

TEST_CASE("an mm that has ended is unknown", "[vma]") {
  World w;
  w.map(0, 2, "rw").exit().map(4, 2, "rw");
  CHECK(w.show() == "");
  CHECK(w.spaces().anomalies()[Anomaly::unknown_mm] == 1);
}

// Truth about the order of an overlapping fork and exit: see Step.
TEST_CASE("a fork step by step is a fork", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").map(8, 2, "rw").write(0).write(4).write(8);
  w.apply(Step{.copied = 1}, MmId{0}).apply(Step{.copied = 2}, MmId{0});
  CHECK(w.active(kVmAreaStruct) == 5);
  w.fork(1);
  CHECK(w.show(1) == "0-2 rw forked a1 | 4-6 rw forked a2 | 8-10 rw forked a3");
  CHECK(w.active(kVmAreaStruct) == 6);
}

TEST_CASE("an exit step by step unlinks in ascending order and frees at the end", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").write(0).write(4);
  w.apply(Step{.unlinked = World::addr(0)}, MmId{0});
  CHECK(w.active(kAnonVma) == 1);
  CHECK(w.active(kVmAreaStruct) == 2);
  w.exit();
  CHECK(w.active(kAnonVma) == 0);
  CHECK(w.active(kVmAreaStruct) == 0);
}

// A, then its child B, which forks C and ends. The child of C takes over B's anon_vma if
// B went first.
TEST_CASE("a child reuses what an overlapping exit has already unlinked", "[vma]") {
  const auto anon_vmas = [](bool exit_first) {
    World w;
    w.map(0, 2, "rw").write(0).fork(1).in(1).fork(2);
    if (exit_first) w.apply(Step{.unlinked = World::addr(0)}, MmId{1});
    w.in(2).apply(Step{.copied = 1}, MmId{2});
    w.in(1).exit().in(2).fork(3);
    return w.active(kAnonVma);
  };
  CHECK(anon_vmas(true) == 3);
  CHECK(anon_vmas(false) == 4);
}

// A fork that failed has no event; only the lock token of the next operation shows it.
TEST_CASE("a fork that failed half way ends at the next operation", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").write(0).write(4);
  w.apply(Step{.copied = 1}, MmId{0}, 0, 7).apply(Step{.copied = 2}, MmId{0}, 0, 7);
  CHECK(w.active(kVmAreaStruct) == 4);
  w.apply(Step{.copied = 1}, MmId{0}, 0, 9);  // another fork
  CHECK(w.active(kVmAreaStruct) == 3);
  w.apply(Unmap{.addr = World::addr(4), .len = 2 * kPage}, MmId{0}, 0, 11);
  CHECK(w.active(kVmAreaStruct) == 1);
  CHECK(w.active(kAnonVma) == 1);
}

TEST_CASE("a fork that failed half way leaves nothing", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").write(0).write(4).apply(Step{.copied = 1}, MmId{0});
  w.apply(Fork{MmId{0}, 0}, MmId{0});  // no such child
  CHECK(w.active(kVmAreaStruct) == 2);
  CHECK(w.active(kAnonVma) == 2);
}

}  // namespace
}  // namespace anonvma::test
