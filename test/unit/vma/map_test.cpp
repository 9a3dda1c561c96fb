// mmap and brk: the flags, file and range of a new mapping, and its effect on mappings in its way.
// merge_new_test.cpp tests the neighbours that it joins.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

//  |          faulted          |
//          [  unfaulted ]           mmap(MAP_FIXED)
//  | faulted | unfaulted | faulted |
TEST_CASE("mmap over a mapping splits its edges off and replaces the rest", "[vma]") {
  World w;
  w.map(0, 6, "rw").write(0).map(2, 2, "r");
  CHECK(w.show() == "0-2 rw faulted a1 | 2-4 r unfaulted | 4-6 rw faulted a1");
  CHECK(w.active(kAnonVmaChain) == 2);
  w.map(0, 6, "rw");
  CHECK(w.show() == "0-6 rw unfaulted");
  CHECK(w.active(kAnonVma) == 0);
}

TEST_CASE("mmap that fails leaves everything as it was, unless it left a hole", "[vma]") {
  Map failed{.addr = World::addr(2), .len = kPage, .prot = 1, .map_flags = 0x32, .ret = -12};
  World w;
  w.map(0, 4, "rw").apply(failed, MmId{0});
  CHECK(w.show() == "0-4 rw unfaulted");
  CHECK(w.spaces().anomalies()[Anomaly::bad_range] == 0);
  failed.ops = kOpsHole;  // a driver refused after the range had been cleared
  w.apply(failed, MmId{0});
  CHECK(w.show() == "0-2 rw unfaulted | 3-4 rw unfaulted");
}

TEST_CASE("mmap keeps apart what differs in one flag", "[vma]") {
  World plain;
  plain.map(0, 2, "rw").map(2, 2, "rw");
  CHECK(plain.show() == "0-4 rw unfaulted");
  for (const std::uint64_t flag :
       {kMapNoReserve, kMapLocked, kMapGrowsDown, kMapSync, kMapStack, kMapDroppable}) {
    INFO("map flag " << flag);
    World w;
    w.map(0, 2, "rw").map(2, 2, "rw", flag);
    CHECK(w.spaces().vmas(MmId{0}).size() == 2);
  }
}

TEST_CASE("MAP_STACK sets VM_NOHUGEPAGE from 6.8 on", "[vma][rules]") {
  const auto life = [](World& w) { w.map(0, 2, "rw").map(2, 2, "rw", kMapStack); };
  expect(since("6.8"), life, "0-2 rw unfaulted | 2-4 rw unfaulted");
  expect(before("6.7"), life, "0-4 rw unfaulted");  // 6.7 has it by a stable backport
}

TEST_CASE("MAP_DROPPABLE memory is not accounted and wiped in a child", "[vma]") {
  World w;
  w.map(0, 2, "rw", kMapDroppable).write(0).fork(1);
  CHECK(w.has(0, kVmDroppable | kVmNoReserve | kVmWipeOnFork | kVmDontDump));
  CHECK_FALSE(w.has(0, kVmAccount));
  CHECK(w.show(0) == "0-2 rw wipe faulted a1");
  CHECK(w.show(1) == "0-2 rw wipe unfaulted");
}

TEST_CASE("VM_ACCOUNT is for private writable memory with a reserve", "[vma]") {
  World w;
  w.map(0, 1, "rw").map(2, 1, "r").map(4, 1, "rw", kMapShared, 5).map(6, 1, "rw", kMapNoReserve);
  CHECK(w.has(0, kVmAccount));
  for (const std::uint64_t page : {2, 4, 6}) CHECK_FALSE(w.has(page, kVmAccount));
}

TEST_CASE("shared anonymous memory has a file of its own each time", "[vma]") {
  const auto two = [](World& w) { w.map(0, 2, "rw", kMapShared).map(2, 2, "rw", kMapShared); };
  expect(every_era(), two, "0-2 rw unfaulted | 2-4 rw unfaulted");
  // Offsets that fit: the first page of another file over that of the first file.
  const auto over = [](World& w) { w.map(0, 2, "rw", kMapShared).map(0, 1, "rw", kMapShared); };
  expect(every_era(), over, "0-1 rw unfaulted | 1-2 rw unfaulted");
}

TEST_CASE("file mappings merge by struct file and offset", "[vma]") {
  World w;
  w.map(0, 2, "r", 0, 7, 0).map(2, 2, "r", 0, 7, 2);
  CHECK(w.show() == "0-4 r unfaulted");
  w.map(4, 2, "r", 0, 7, 9);   // a gap in the file
  w.map(6, 2, "r", 0, 8, 11);  // another open() of the same file
  CHECK(w.show() == "0-4 r unfaulted | 4-6 r unfaulted | 6-8 r unfaulted");
}

// The given file is that of the overlay, the stored file that of the layer below.
TEST_CASE("overlayfs: adjacent mappings of one descriptor merge only when modified", "[vma]") {
  World w;
  const std::uint64_t flags = kVmRead | kVmMayAccess;
  w.map_read_back(0, 2, flags, 5, 6).map_read_back(2, 2, flags, 5, 6);
  CHECK(w.show() == "0-2 r unfaulted | 2-4 r unfaulted");
  w.protect(2, 2, "rx").protect(2, 2, "r");
  CHECK(w.show() == "0-4 r unfaulted");
}

TEST_CASE("a descriptor that is not open for writing maps memory nobody can write", "[vma]") {
  World w;
  w.map(0, 2, "r", kMapShared, 5, 0, kOpsReadonlyFile);
  CHECK(w.has(0, kVmMayShare));
  CHECK_FALSE(w.has(0, kVmShared));
  w.protect(0, 1, "rw", -13);
  CHECK(w.show() == "0-2 r unfaulted");
}

TEST_CASE("a mount without exec takes VM_MAYEXEC away", "[vma]") {
  World w;
  w.map(0, 2, "r").file(2, 2, "r", 5, kOpsNoExec).protect(0, 4, "rx", -13);
  CHECK(w.show() == "0-2 rx unfaulted | 2-4 r unfaulted");
}

TEST_CASE("the flags of a mapping are those it was read back with", "[vma]") {
  World w;
  const std::uint64_t flags = kVmRead | kVmMayRead | kVmDontDump;
  w.map_read_back(0, 2, flags | kVmSoftDirty | kVmMaybeGuard);
  CHECK(w.spaces().vma(w.id(0)).flags == flags);  // other flags may be a merge partner's
}

TEST_CASE("a mapping of a driver with VM_SPECIAL merges with nothing", "[vma]") {
  for (const std::uint64_t special : {kVmIo, kVmDontExpand, kVmPfnMap, kVmMixedMap}) {
    World w;
    const std::uint64_t flags = kVmRead | kVmMayAccess | special;
    w.map_read_back(0, 2, flags, 5, 5).map_read_back(2, 2, flags, 5, 5);
    CHECK(w.show() == "0-2 r unfaulted | 2-4 r unfaulted");
    w.protect(2, 2, "rx").protect(2, 2, "r");
    CHECK(w.show() == "0-2 r unfaulted | 2-4 r unfaulted");
  }
}

TEST_CASE("hugetlb lengths are rounded up to the huge page", "[vma]") {
  World w;
  w.map(0, 1, "rw", kMapHugeTlb | kMapShared);
  CHECK(w.show() == "0-512 rw unfaulted");
  World sized;
  sized.map(0, 17, "rw", kMapHugeTlb | kMapShared | 16ull << kMapHugeShift);  // of 64 KiB
  CHECK(sized.show() == "0-32 rw unfaulted");
}

TEST_CASE("the usual huge page is the recording machine's", "[vma]") {
  World w("num-children", "6.19", {.huge_page_bytes = 32u << 20});  // arm64 with pages of 16 KiB
  w.map(0, 1, "rw", kMapHugeTlb).map(16384, 1, "rw", kMapHugeTlb | 21ull << kMapHugeShift);
  CHECK(w.show() == "0-8192 rw unfaulted | 16384-16896 rw unfaulted");
}

TEST_CASE("the page is the recording machine's", "[vma]") {
  for (const std::uint64_t page : {4096, 16384, 65536}) {
    INFO("pages of " << page);
    SlabAccount slab;
    AddressSpaces spaces(*find_rules("6.19"), page, choice("num-children"), slab);
    const MmId mm{0};
    std::uint64_t index = 0;
    const auto apply = [&](const auto& body) { spaces.apply(Event{{.mm = mm}, body}, index++); };
    const auto map = [&](std::uint64_t first, std::uint64_t len) {
      apply(Map{.addr = first * page,
                .len = len,
                .prot = 3,
                .map_flags = 2 | kMapAnonymous | kMapFixed,
                .ops = kOpsUnread,
                .ret = static_cast<std::int64_t>(first * page)});
    };
    const auto layout = [&] {
      std::vector<std::uint64_t> borders;
      for (const VmaId id : spaces.vmas(mm)) {
        const Vma& vma = spaces.vma(id);
        CHECK(vma.pgoff == vma.start / page);
        borders.insert(borders.end(), {vma.start / page, vma.end / page});
      }
      return borders;
    };
    using Borders = std::vector<std::uint64_t>;
    apply(Exec{});
    MmSnapshot born;
    born.head.mm = mm;
    born.snapshot.reason = static_cast<std::uint64_t>(SnapReason::exec);
    spaces.apply(born);
    map(16, 1);  // rounded up to a page
    map(17, page - 1);
    CHECK(layout() == Borders{16, 18});
    map(20, 4096);
    CHECK(layout() == Borders{16, 18, 20, 21});
    apply(Protect{20 * page, 1, 1, -1, 0});
    map(21, 2 * page);
    apply(Protect{20 * page, page + 1, 3, -1, 0});
    CHECK(layout() == Borders{16, 18, 20, 23});
    apply(Unmap{16 * page, 4096, 0});
    CHECK(layout() == Borders{17, 18, 20, 23});
  }
}

TEST_CASE("private huge pages have a file of their own each time", "[vma]") {
  expect(
      every_era(),
      [](World& w) { w.map(0, 512, "rw", kMapHugeTlb).map(512, 512, "rw", kMapHugeTlb); },
      "0-512 rw unfaulted | 512-1024 rw unfaulted");
}

TEST_CASE("MAP_POPULATE prepares what is private and writable", "[vma]") {
  World w;
  w.map(0, 1, "rw", kMapPopulate).map(2, 1, "r", kMapPopulate).map(4, 1, "", kMapPopulate);
  w.map(6, 1, "rw", kMapPopulate | kMapShared).map(8, 1, "rw", kMapPopulate | kMapNonBlock);
  CHECK(w.show() ==
        "0-1 rw faulted a1 | 2-3 r unfaulted | 4-5 - unfaulted | 6-7 rw unfaulted | "
        "8-9 rw unfaulted");
}

TEST_CASE("a close hook: the vma may grow from 6.7 on, and never goes", "[vma][rules]") {
  const auto grow = [](World& w) { w.file(0, 2, "r", 5, kOpsClose).file(2, 2, "r", 5, kOpsClose); };
  expect(since("6.7"), grow, "0-4 r unfaulted");
  expect(before("6.7"), grow, "0-2 r unfaulted | 2-4 r unfaulted");
  // Between two such vmas only the lower one grows.
  const auto between_two = [](World& w) {
    w.file(0, 2, "r", 5, kOpsClose).file(4, 2, "r", 5, kOpsClose).file(2, 2, "r", 5, kOpsClose);
  };
  expect(since("6.7"), between_two, "0-4 r unfaulted | 4-6 r unfaulted");
  // The changed vma cannot go, so nothing merges; a part of it may merge.
  const auto change = [](World& w) {
    w.file(0, 2, "r", 5, kOpsClose).file(2, 4, "rx", 5, kOpsClose).protect(2, 2, "r");
    w.protect(4, 2, "r");
  };
  expect(since("6.7"), change, "0-4 r unfaulted | 4-6 r unfaulted");
}

TEST_CASE("brk: the first one makes the heap, then it grows and shrinks", "[vma]") {
  World w;
  w.brk(0, 2);
  CHECK(w.show() == "0-2 rw unfaulted");
  w.brk(2, 6).write(0).brk(6, 3);
  CHECK(w.show() == "0-3 rw faulted a1");
  CHECK(w.allocs(kVmAreaStruct) == 2);  // the split of the shrink
  w.apply(Brk{World::addr(3), World::addr(9), 0, static_cast<std::int64_t>(World::addr(3))},
          MmId{0});  // refused: the old break is returned
  CHECK(w.show() == "0-3 rw faulted a1");
}

//  |  heap  | ** |  unfaulted  |
TEST_CASE("brk joins the mapping above it before 6.1 only", "[vma][rules]") {
  const auto life = [](World& w) { w.brk(0, 2).map(4, 2, "rw").brk(2, 4); };
  expect(since("6.1"), life, "0-4 rw unfaulted | 4-6 rw unfaulted");
  expect(before("6.1"), life, "0-6 rw unfaulted");
}

//  |  forked  | **          |  forked  | unfaulted |
TEST_CASE("brk: a forked heap gets a new vma, which then grows", "[vma]") {
  World w;
  w.brk(0, 2).write(0).brk(2, 4).fork(1);
  CHECK(w.show(0) == "0-4 rw faulted a1");
  w.in(1).brk(4, 6);
  CHECK(w.show(1) == "0-4 rw forked a1 | 4-6 rw unfaulted");
  w.brk(6, 8);
  CHECK(w.show(1) == "0-4 rw forked a1 | 4-8 rw unfaulted");
  w.brk(8, 3);
  CHECK(w.show(1) == "0-3 rw forked a1");
}

TEST_CASE("munmap of the middle clones the chain twice", "[vma]") {
  World w;
  w.map(0, 6, "rw").write(0).unmap(2, 2);
  CHECK(w.show() == "0-2 rw faulted a1 | 4-6 rw faulted a1");
  CHECK(w.allocs(kAnonVmaChain) == 3);
  CHECK(w.allocs(kVmAreaStruct) == 3);
  CHECK(w.active(kAnonVmaChain) == 2);
}

TEST_CASE("munmap passes over holes", "[vma]") {
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").map(8, 2, "rw").unmap(1, 8).unmap(20, 4);
  CHECK(w.show() == "0-1 rw unfaulted | 9-10 rw unfaulted");
}

// A split leaves two structs. munmap frees the original one since 6.8, and the new one before.
TEST_CASE("munmap keeps the new structs from 6.8 on", "[vma][rules]") {
  for (const std::string_view era : every_era()) {
    INFO("rules of " << era);
    World w("num-children", era);
    w.map(0, 6, "rw");
    const VmaId original = w.id(0);
    w.unmap(2, 2);
    const bool newer = find_rules(era)->munmap_frees_original;
    CHECK((w.id(0) == original) == !newer);
    CHECK(w.id(4) != original);
  }
  CHECK(find_rules("6.8")->munmap_frees_original);
  CHECK_FALSE(find_rules("6.7")->munmap_frees_original);
}

// PR_SET_MEMORY_MERGE: all mappings of the process have VM_MERGEABLE.
TEST_CASE("before 6.17 a mapping gets the flag of KSM after it was merged", "[vma][rules]") {
  const auto vmas = [](std::string_view era) {
    World w("num-children", era);
    const std::uint64_t flags = kVmRead | kVmWrite | kVmMayAccess | kVmAccount | kVmMergeable;
    w.map_read_back(0, 2, flags).map_read_back(2, 2, flags);
    return w.spaces().vmas(MmId{0}).size();
  };
  for (const std::string_view era : before("6.17")) CHECK(vmas(era) == 2);
  for (const std::string_view era : since("6.17")) CHECK(vmas(era) == 1);
}

}  // namespace
}  // namespace anonvma::test
