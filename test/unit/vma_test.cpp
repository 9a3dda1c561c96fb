// The VMA layer, rule by rule, in the kernel's words. Every picture was first seen on a running
// kernel of that era (see README, "How exactness is checked").
#include "test/catch.h"
#include "test/unit/vma_world.h"

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

TEST_CASE("mmap keeps apart what differs", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(2, 2, "r").map(4, 2, "rw", kMapNoReserve).map(6, 2, "rw", kMapStack);
  CHECK(w.show() == "0-2 rw unfaulted | 2-4 r unfaulted | 4-6 rw unfaulted | 6-8 rw unfaulted");
}

TEST_CASE("file mappings merge by struct file and offset", "[vma]") {
  World w;
  w.map(0, 2, "r", 0, 7, 0).map(2, 2, "r", 0, 7, 2);
  CHECK(w.show() == "0-4 r unfaulted");
  w.map(4, 2, "r", 0, 7, 9);   // a gap in the file
  w.map(6, 2, "r", 0, 8, 11);  // another open() of the same file
  CHECK(w.show() == "0-4 r unfaulted | 4-6 r unfaulted | 6-8 r unfaulted");
}

TEST_CASE("a faulted vma grows over a new mapping, a forked one does not", "[vma]") {
  World w;
  w.map(0, 2, "rw").write(0).fork(1);
  w.map(2, 2, "rw");
  CHECK(w.show(0) == "0-4 rw faulted a1");
  w.in(1).map(2, 2, "rw");
  CHECK(w.show(1) == "0-2 rw forked a1 | 2-4 rw unfaulted");
}

TEST_CASE("a new mapping between different anon_vmas extends the lower one", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").write(0).write(4).map(2, 2, "rw");
  CHECK(w.show() == "0-4 rw faulted a1 | 4-6 rw faulted a2");
}

TEST_CASE("6.1: the same extends the upper one", "[vma][rules]") {
  World w("num-children", "6.1");
  w.map(0, 2, "rw").map(4, 2, "rw").write(0).write(4).map(2, 2, "rw");
  CHECK(w.show() == "0-2 rw faulted a1 | 2-6 rw faulted a2");
}

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

TEST_CASE("mprotect: an unfaulted vma loses VM_ACCOUNT, a faulted one keeps it", "[vma]") {
  for (const bool faulted : {false, true}) {
    World w;
    w.map(0, 2, "").protect(0, 2, "rw");
    if (faulted) w.write(0);
    w.protect(0, 2, "").map(2, 2, "");  // accounted and not: they do not merge
    CHECK(w.show() == (faulted ? "0-2 - faulted a1 | 2-4 - unfaulted" : "0-4 - unfaulted"));
  }
  World old("num-children", "6.1");
  old.map(0, 2, "").protect(0, 2, "rw").protect(0, 2, "").map(2, 2, "");
  CHECK(old.show() == "0-2 - unfaulted | 2-4 - unfaulted");
}

TEST_CASE("mprotect stops at a hole and keeps what came before", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").protect(0, 6, "r", -12);
  CHECK(w.show() == "0-2 r unfaulted | 4-6 rw unfaulted");
}

TEST_CASE("madvise passes over a hole", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").map(6, 1, "rw", 0);
  w.advise(0, 6, kMadvDontFork, -12).fork(1);
  CHECK(w.show(1) == "6-7 rw unfaulted");
}

TEST_CASE("munmap of the middle clones the chain twice", "[vma]") {
  World w;
  w.map(0, 6, "rw").write(0).unmap(2, 2);
  CHECK(w.show() == "0-2 rw faulted a1 | 4-6 rw faulted a1");
  CHECK(w.allocs(kAnonVmaChain) == 3);
  CHECK(w.allocs(kVmAreaStruct) == 3);
  CHECK(w.active(kAnonVmaChain) == 2);
}

// 6.16 (commit 879bca0a2c4f) lets an unfaulted vma take in a faulted one.
TEST_CASE("merge of an unfaulted vma with a faulted range", "[vma][rules]") {
  const auto run = [](const char* rules) {
    World w("num-children", rules);
    w.map(0, 2, "rw").map(2, 2, "r").protect(2, 2, "rw");  // would merge: keep them apart first
    w.unmap(0, 4).map(0, 2, "r", kMapNoReserve).map(2, 2, "rw", kMapNoReserve).write(2);
    w.protect(2, 2, "r");
    return w.show();
  };
  CHECK(run("6.19") == "0-4 r faulted a1");
  CHECK(run("6.12") == "0-2 r unfaulted | 2-4 r faulted a1");
}

TEST_CASE("mremap: an unfaulted vma gets a new pgoff, a faulted one keeps it", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(10, 2, "rw").remap(0, 2, 2, kMremapMayMove | kMremapFixed, 12);
  CHECK(w.show() == "10-14 rw unfaulted");
  World f;
  f.map(0, 2, "rw").map(10, 2, "rw").write(0).remap(0, 2, 2, kMremapMayMove | kMremapFixed, 12);
  CHECK(f.show() == "10-12 rw unfaulted | 12-14 rw faulted a1");
}

TEST_CASE("mremap DONTUNMAP leaves an unfaulted source", "[vma]") {
  World w;
  const std::uint64_t flags = kMremapMayMove | kMremapDontUnmap;
  w.map(0, 2, "rw").write(0).remap(0, 2, 2, flags, 20);
  CHECK(w.show() == "0-2 rw unfaulted | 20-22 rw faulted a1");
  CHECK(w.active(kAnonVmaChain) == 1);
}

TEST_CASE("mremap grows in place and joins the next vma", "[vma][rules]") {
  const auto run = [](const char* rules) {
    World w("num-children", rules);
    w.map(0, 2, "rw").map(4, 2, "rw").remap(0, 2, 4, 0, 0);
    return w.show();
  };
  CHECK(run("6.19") == "0-6 rw unfaulted");
  CHECK(run("5.10") == "0-4 rw unfaulted | 4-6 rw unfaulted");
}

TEST_CASE("brk extends the heap, but a forked heap gets a new vma", "[vma]") {
  World w;
  w.brk(0, 2).write(0).brk(2, 4).fork(1);
  CHECK(w.show(0) == "0-4 rw faulted a1");
  w.in(1).brk(4, 6);
  CHECK(w.show(1) == "0-4 rw forked a1 | 4-6 rw unfaulted");
  w.in(1).brk(6, 3);
  CHECK(w.show(1) == "0-3 rw forked a1");
}

TEST_CASE("mlockall(MCL_FUTURE) splits the heap and is not inherited", "[vma]") {
  World w;
  w.brk(0, 2).apply(Lock{.op = 3, .flags = kMclFuture}, MmId{0}).brk(2, 4);
  CHECK(w.show() == "0-2 rw unfaulted | 2-4 rw locked faulted a1");
  w.fork(1).in(1).map(8, 1, "rw");
  CHECK(w.show(1) == "0-2 rw unfaulted | 2-4 rw forked a1 | 8-9 rw unfaulted");
}

TEST_CASE("fork gives vmas that shared an anon_vma one of their own each", "[vma]") {
  World w;
  w.map(0, 4, "rw").write(0).protect(2, 2, "r").fork(1);
  CHECK(w.show(0) == "0-2 rw faulted a1 | 2-4 r faulted a1");
  CHECK(w.show(1) == "0-2 rw forked a1 | 2-4 r forked a2");
  w.in(1).protect(2, 2, "rw");  // siblings never merge again in the child
  CHECK(w.show(1) == "0-2 rw forked a1 | 2-4 rw forked a2");
}

TEST_CASE("WIPEONFORK and DONTFORK", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").write(0).write(4);
  w.advise(0, 2, kMadvWipeOnFork).advise(4, 2, kMadvDontFork).fork(1);
  CHECK(w.show(1) == "0-2 rw unfaulted");
}

TEST_CASE("a stack grows by a fault below it", "[vma]") {
  World w;
  w.map(1000, 2, "rw", kMapGrowsDown).write(998);
  CHECK(w.show() == "998-1002 rw faulted a1");
  w.map(600, 2, "rw").write(700);  // the guard gap is 256 pages
  CHECK(w.show() == "600-602 rw unfaulted | 998-1002 rw faulted a1");
  CHECK(w.spaces().anomalies()[Anomaly::fault_without_vma] == 1);
}

TEST_CASE("faults prepare writable private memory only", "[vma]") {
  World w;
  w.map(0, 1, "r").map(2, 1, "rw", kMapShared, 5).map(4, 1, "rw", 0, 6).write(0).write(2).write(4);
  CHECK(w.show() == "0-1 r unfaulted | 2-3 rw unfaulted | 4-5 rw faulted a1");
}

TEST_CASE("a vma with a close hook may grow but never goes", "[vma]") {
  World w;
  w.map(0, 2, "r", 0, 5, 0, kOpsClose).map(2, 2, "r", 0, 5, 2, kOpsClose);
  CHECK(w.show() == "0-4 r unfaulted");
  w.map(6, 2, "r", 0, 5, 6, kOpsClose).map(4, 2, "r", 0, 5, 4, kOpsClose);
  CHECK(w.show() == "0-6 r unfaulted | 6-8 r unfaulted");
}

TEST_CASE("exit gives back every object", "[vma]") {
  World w;
  w.map(0, 8, "rw").write(0).protect(2, 2, "r").fork(1).in(1).write(0).fork(2).in(0).exit();
  w.in(1).exit().in(2).exit();
  for (const CacheIndex c : {kVmAreaStruct, kAnonVmaChain, kAnonVma}) CHECK(w.active(c) == 0);
}

TEST_CASE("map_count is compared before the operation", "[vma]") {
  World w;
  w.map(0, 2, "rw").apply(Unmap{World::addr(0), kPage, 0}, MmId{0}, 1);
  CHECK(w.spaces().map_count_mismatches() == 0);
  w.apply(Unmap{World::addr(1), kPage, 0}, MmId{0}, 3);
  REQUIRE(w.spaces().map_count_mismatches() == 1);
  CHECK(w.spaces().first_mismatch()->kernel == 3);
  CHECK(w.spaces().first_mismatch()->model == 1);
  CHECK(w.spaces().first_mismatch()->operation == "unmap");
}

TEST_CASE("impossible events are counted, not believed", "[vma]") {
  World w;
  w.apply(Unmap{1, kPage, 0}, MmId{0});
  w.apply(Map{.addr = 0, .len = ~0ull, .ret = 0x1000}, MmId{0});
  w.apply(Unmap{0, kPage, 0}, MmId{77});
  w.apply(Fork{MmId{0}, 0}, MmId{0});
  CHECK(w.spaces().anomalies()[Anomaly::bad_range] >= 2);
  CHECK(w.spaces().anomalies()[Anomaly::unknown_mm] == 1);
  CHECK(w.spaces().anomalies()[Anomaly::born_twice] == 1);
}

}  // namespace
}  // namespace anonvma::test
