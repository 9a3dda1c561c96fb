// mremap: growing in place, moving, and the effect on pgoff, target and source.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

// The kernel had no memory to split the source off: the pages have moved, and the vma stays as it was.
TEST_CASE("mremap: a source that could not be unmapped stays", "[vma]") {
  World w;
  w.map(0, 6, "rw").write(0);
  w.apply(Remap{World::addr(2), 2 * kPage, 4 * kPage, 1, 0,
                static_cast<std::int64_t>(World::addr(20)), World::addr(2)},
          MmId{0});
  CHECK(w.show() == "0-6 rw faulted a1 | 20-24 rw faulted a1");
}

TEST_CASE("mremap to the same size does nothing, to a smaller one unmaps the tail", "[vma]") {
  World w;
  w.map(0, 6, "rw").write(0).remap(0, 6, 6, 0, 0);
  CHECK(w.show() == "0-6 rw faulted a1");
  w.remap(0, 6, 2, 0, 0);
  CHECK(w.show() == "0-2 rw faulted a1");
}

//  |  A  | ** |  B  |
TEST_CASE("mremap grows in place and joins the next vma from 5.18 on", "[vma][rules]") {
  const auto grow = [](World& w) { w.map(0, 2, "rw").map(4, 2, "rw").remap(0, 2, 4, 0, 0); };
  expect(since("5.18"), grow, "0-6 rw unfaulted");
  expect(before("5.18"), grow, "0-4 rw unfaulted | 4-6 rw unfaulted");
}

//  |  fl  | ** |  un  |   ->  |     fl     |      the new range carries the anon_vma of the old
TEST_CASE("a faulted vma that grows takes an unfaulted next vma in from 6.16 on", "[vma][rules]") {
  const auto grow = [](World& w) {
    w.map(0, 2, "rw").map(4, 2, "rw").write(0).remap(0, 2, 4, 0, 0);
  };
  expect(since("6.16"), grow, "0-6 rw faulted a1");
  expect(before("6.16"), grow, "0-4 rw faulted a1 | 4-6 rw unfaulted");
}

//  |  fk  | ** |   ->  |     fk     |      mmap would have made a new vma
TEST_CASE("a forked vma grows in place as well", "[vma]") {
  expect(
      every_era(), [](World& w) { w.map(0, 2, "rw").write(0).fork(1).in(1).remap(0, 2, 4, 0, 0); },
      "0-4 rw forked a1", 1);
}

TEST_CASE("only a range that ends with its vma grows in place", "[vma]") {
  World w;
  w.map(0, 4, "rw").remap(0, 2, 6, 0, 0);
  CHECK(w.show() == "0-4 rw unfaulted");
  w.remap(2, 2, 4, 0, 2);
  CHECK(w.show() == "0-6 rw unfaulted");
}

TEST_CASE("locked memory that grows is populated", "[vma]") {
  World w;
  w.map(0, 2, "rw").mlock_onfault(0, 2).remap(0, 2, 4, 0, 0);
  CHECK(w.show() == "0-4 rw locked onfault unfaulted");
  World moved;
  moved.map(0, 2, "rw").mlock(0, 2).remap(0, 2, 4, kMremapMayMove, 20);
  CHECK(moved.show() == "20-24 rw locked faulted a1");
}

TEST_CASE("mremap: an unfaulted vma gets a new pgoff, a faulted one keeps it", "[vma]") {
  expect(
      every_era(), [](World& w) { w.map(0, 2, "rw").map(10, 2, "rw").move(0, 2, 12); },
      "10-14 rw unfaulted");
  expect(
      every_era(), [](World& w) { w.map(0, 2, "rw").map(10, 2, "rw").write(0).move(0, 2, 12); },
      "10-12 rw unfaulted | 12-14 rw faulted a1");
  World w;
  w.map(0, 2, "rw").map(4, 2, "rw").write(0).move(0, 2, 20).move(4, 2, 24);
  CHECK(w.pgoff(20) == 0);
  CHECK(w.pgoff(24) == 24);
  World file;  // for a file, pgoff is the place in the file
  file.map(0, 4, "r", 0, 5, 70).remap(2, 2, 2, kMremapMayMove, 20);
  CHECK(file.pgoff(20) == 72 - kBase);
}

//  |        fl a1        |   ->  | a1 |    | a1 |   ...   | a1 |   ->  |        fl a1        |
TEST_CASE("a part that moves away splits, and finds its place again", "[vma]") {
  const auto away = [](World& w) { w.map(0, 6, "rw").write(0).move(2, 2, 20); };
  expect(every_era(), away, "0-2 rw faulted a1 | 4-6 rw faulted a1 | 20-22 rw faulted a1");
  expect(
      every_era(), [&](World& w) { away(w), w.move(20, 2, 2); }, "0-6 rw faulted a1");
}

// A faulted vma comes back to the pages that it was made for, beside an unfaulted one.
//  | un |  <-  fl   ->  |     fl    |
void return_to_unfaulted(World& w) { w.map(2, 2, "rw").write(2).move(2, 2, 20).map(0, 2, "rw"); }

TEST_CASE("a moved faulted vma goes into an unfaulted neighbour from 6.16 on", "[vma][rules]") {
  const auto life = [](World& w) { return_to_unfaulted(w), w.move(20, 2, 2); };
  expect(since("6.18.8"), life, "0-4 rw faulted a1");
  expect(between("3.0", "6.16"), life, "0-2 rw unfaulted | 2-4 rw faulted a1");
}

// The bug that 6.18.8 fixes, as old as mremap's merges: the neighbour absorbs the pages and
// gets no anon_vma.
TEST_CASE("6.16 to 6.18.7 and 2.6.37 forget the anon_vma of a copied vma", "[vma][rules]") {
  const auto life = [](World& w) { return_to_unfaulted(w), w.move(20, 2, 2); };
  expect(between("6.16", "6.18.8"), life, "0-4 rw unfaulted");
  expect(before("3.0"), life, "0-4 rw unfaulted");
}

TEST_CASE("a moved forked vma goes into no unfaulted neighbour from 6.18.8 on", "[vma][rules]") {
  const auto life = [](World& w) { return_to_unfaulted(w), w.fork(1).in(1).move(20, 2, 2); };
  const std::string_view apart = "0-2 rw unfaulted | 2-4 rw forked a1";
  expect(since("6.18.8"), life, apart, 1);
  expect(between("6.16", "6.18.8"), life, "0-4 rw unfaulted", 1);
  expect(between("3.0", "6.16"), life, apart, 1);
}

TEST_CASE("MREMAP_FIXED unmaps its target, and shrinks on the way", "[vma]") {
  World w;
  w.map(0, 4, "rwx").map(10, 6, "rw").remap(0, 4, 2, kMremapMayMove | kMremapFixed, 12);
  CHECK(w.show() == "10-12 rw unfaulted | 12-14 rwx unfaulted | 14-16 rw unfaulted");
}

//  | rw |    | r |   ->  target  |      rwx      |   becomes  | rw | rwx | r |
TEST_CASE("one MREMAP_FIXED call moves several vmas and keeps the gaps, from 6.17 on", "[vma]") {
  expect(
      since("6.17"),
      [](World& w) { w.map(0, 2, "rw").map(4, 2, "r").map(10, 6, "rwx").move(0, 6, 10); },
      "10-12 rw unfaulted | 12-14 rwx unfaulted | 14-16 r unfaulted");
  expect(
      since("6.17"),
      [](World& w) {  // the first and the last one in part
        w.map(0, 3, "rw").map(3, 3, "r").write(0).move(1, 4, 10);
      },
      "0-1 rw faulted a1 | 5-6 r unfaulted | 10-12 rw faulted a1 | 12-14 r unfaulted");
}

constexpr int kFault = -14;
constexpr std::uint64_t kFixedMove = kMremapMayMove | kMremapFixed;

TEST_CASE("mremap that fails at its source has unmapped the target before 6.17", "[vma][rules]") {
  const auto life = [](World& w) {  // the source reaches beyond its vma
    w.map(0, 2, "rw").map(10, 4, "rw").remap_fails(0, 4, 4, kFixedMove, 10, kFault);
  };
  expect(since("6.17"), life, "0-2 rw unfaulted | 10-14 rw unfaulted");
  expect(before("6.17"), life, "0-2 rw unfaulted");
}

TEST_CASE("before 5.18 mremap without any source unmaps the target, too", "[vma][rules]") {
  const auto life = [](World& w) {
    w.map(10, 2, "rw").remap_fails(0, 2, 2, kFixedMove, 10, kFault);
  };
  expect(since("5.18"), life, "10-12 rw unfaulted");
  expect(before("5.18"), life, "");
}

TEST_CASE("before 6.17 a shrinking source is cut before it is found too short", "[vma][rules]") {
  const auto life = [](World& w) {
    w.map(0, 2, "rw").map(3, 3, "r").remap_fails(0, 6, 4, kFixedMove, 20, kFault);
  };
  expect(since("6.17"), life, "0-2 rw unfaulted | 3-6 r unfaulted");
  expect(before("6.17"), life, "0-2 rw unfaulted | 3-4 r unfaulted");
}

constexpr int kInval = -22;

// EINVAL comes from before the target is unmapped, or from after it.
TEST_CASE("before 6.17 mremap refuses to copy private memory when the target is gone",
          "[vma][rules]") {
  const auto life = [](World& w) { w.map(0, 8, "rw").remap_fails(6, 0, 1, kFixedMove, 2, kInval); };
  expect(since("6.17"), life, "0-8 rw unfaulted");
  expect(before("6.17"), life, "0-2 rw unfaulted | 3-8 rw unfaulted");
  // Shared memory would have been copied: so another argument must be wrong.
  const auto shared = [](World& w) {
    w.map(0, 8, "rw", kMapShared, 5).remap_fails(6, 0, 1, kFixedMove, 2, kInval);
  };
  expect(every_era(), shared, "0-8 rw unfaulted");
}

TEST_CASE("before 6.17 MREMAP_DONTUNMAP refuses a device when the target is gone", "[vma][rules]") {
  const auto life = [](World& w) {
    w.exec(1, {{.start = 0, .end = 2, .prot = "rw", .flags = kVmDontExpand, .file = 3},
               {.start = 4, .end = 6, .prot = "rw"}});
    w.in(1).remap_fails(0, 2, 2, kFixedMove | kMremapDontUnmap, 4, kInval);
  };
  expect(since("6.17"), life, "0-2 rw unfaulted | 4-6 rw unfaulted", 1);
  expect(before("6.17"), life, "0-2 rw unfaulted", 1);
}

TEST_CASE("mremap that is refused before it begins leaves the target in all kernels", "[vma]") {
  for (const std::string_view era : every_era()) {
    INFO("rules of " << era);
    const auto stays = [&](std::uint64_t page, std::uint64_t pages, std::uint64_t new_pages,
                           std::uint64_t flags, std::uint64_t to) {
      World w("num-children", era);
      w.map(0, 8, "rw").remap_fails(page, pages, new_pages, flags, to, kInval);
      CHECK(w.show() == "0-8 rw unfaulted");
    };
    stays(6, 0, 0, kFixedMove, 2);                     // no length
    stays(4, 0, 4, kFixedMove, 2);                     // the target holds the source
    stays(4, 2, 2, kFixedMove, 3);                     // source and target overlap
    stays(6, 0, 1, kMremapFixed, 2);                   // may not move
    stays(6, 0, 1, kFixedMove | 8, 2);                 // unknown flag
    stays(6, 0, 1, kFixedMove | kMremapDontUnmap, 2);  // two lengths
    stays(10, 0, 1, kFixedMove, 2);                    // no source
    World w("num-children", era);
    const Remap crooked{World::addr(6), 0, kPage, kFixedMove, World::addr(2) + 16, kInval};
    w.map(0, 8, "rw").apply(crooked, MmId{0});
    CHECK(w.show() == "0-8 rw unfaulted");
  }
}

TEST_CASE("mremap that fails for another reason changes nothing", "[vma]") {
  expect(
      every_era(),
      [](World& w) {
        w.map(0, 2, "rw").map(10, 4, "rw").remap_fails(0, 2, 2, kFixedMove, 10, kInval);
        w.remap_fails(0, 4, 8, kMremapMayMove, 0, kFault);
      },
      "0-2 rw unfaulted | 10-14 rw unfaulted");
}

TEST_CASE("MREMAP_DONTUNMAP of the middle accounts the next vma before 5.13", "[vma][rules]") {
  const auto accounted = [](std::string_view rules, std::uint64_t page) {
    World w("num-children", rules);
    w.map(0, 4, "rw").write(0).map(4, 1, "r").move(page, 1, 20, kMremapDontUnmap);
    return (w.spaces().vma(w.spaces().vmas(MmId{0}).at(1)).flags & kVmAccount) != 0;
  };
  CHECK(accounted("5.10", 1));
  CHECK_FALSE(accounted("5.10", 3));  // the end of the vma
  CHECK_FALSE(accounted("5.13", 1));
}

//  |  fl  |   ->  |  un  |   ...   |  fl  |
TEST_CASE("MREMAP_DONTUNMAP of a whole vma leaves it unfaulted from 5.13 on", "[vma][rules]") {
  const auto life = [](World& w) { w.map(0, 2, "rw").write(0).move(0, 2, 20, kMremapDontUnmap); };
  expect(since("5.13"), life, "0-2 rw unfaulted | 20-22 rw faulted a1");
  expect(before("5.13"), life, "0-2 rw faulted a1 | 20-22 rw faulted a1");
  World w;
  life(w);
  CHECK(w.active(kAnonVmaChain) == 1);
}

TEST_CASE("MREMAP_DONTUNMAP of a part leaves the source as it was", "[vma]") {
  expect(
      every_era(), [](World& w) { w.map(0, 4, "rw").write(0).move(0, 2, 20, kMremapDontUnmap); },
      "0-4 rw faulted a1 | 20-22 rw faulted a1");
}

TEST_CASE("MREMAP_DONTUNMAP unlocks the source", "[vma]") {
  expect(
      since("5.13"),
      [](World& w) { w.map(0, 2, "rw").mlock(0, 2).move(0, 2, 20, kMremapDontUnmap); },
      "0-2 rw unfaulted | 20-22 rw locked faulted a1");
}

bool newest_dontunmap(std::string_view era) {
  static const Eras eras =
      join({between("6.1.192", "6.7"), between("6.12.117", "6.13"), since("7.2")});
  return contains(eras, era);
}

//  |    locked    |   ->  | locked |  **  | locked |   ...   | locked |
TEST_CASE("MREMAP_DONTUNMAP of a part unlocks all of the source, or since 7.2 splits it",
          "[vma][rules]") {
  const auto part = [](World& w) {
    w.map(0, 6, "rw").mlock(0, 6).move(2, 2, 20, kMremapDontUnmap);
  };
  const auto end = [](World& w) { w.map(0, 4, "rw").mlock(0, 4).move(2, 2, 20, kMremapDontUnmap); };
  for (const std::string_view era : since("5.13")) {
    INFO("rules of " << era);
    CHECK(after(era, part) == (newest_dontunmap(era)
                                   ? "0-2 rw locked faulted a1 | 2-4 rw unfaulted | 4-6 rw locked "
                                     "faulted a1 | 20-22 rw locked faulted a1"
                                   : "0-6 rw faulted a1 | 20-22 rw locked faulted a1"));
    CHECK(after(era, end) ==
          (newest_dontunmap(era)
               ? "0-2 rw locked faulted a1 | 2-4 rw unfaulted | 20-22 rw locked faulted a1"
               : "0-4 rw faulted a1 | 20-22 rw locked faulted a1"));
  }
  World w("num-children", "7.2");  // the struct stays with the moved pages
  w.map(0, 6, "rw").mlock(0, 6);
  const VmaId source = w.id(2);
  w.move(2, 2, 20, kMremapDontUnmap);
  CHECK(w.id(2) == source);
}

//  |  fl  | of pages 0   ->  |  un  |   fits what is mapped beside it, or not
TEST_CASE("a source that was moved before has the pgoff of its place again since 7.2",
          "[vma][rules]") {
  const auto life = [](World& w) {
    w.map(0, 2, "rw").write(0).move(0, 2, 10).move(10, 2, 20, kMremapDontUnmap).map(12, 2, "rw");
  };
  for (const std::string_view era : since("5.13")) {
    INFO("rules of " << era);
    CHECK(after(era, life) ==
          (newest_dontunmap(era)
               ? "10-14 rw unfaulted | 20-22 rw faulted a1"
               : "10-12 rw unfaulted | 12-14 rw unfaulted | 20-22 rw faulted a1"));
  }
  World file("num-children", "7.2");  // the pgoff of a file stays
  file.map(0, 2, "rw", 0, 5, 70).write(0).move(0, 2, 20, kMremapDontUnmap);
  CHECK(file.pgoff(0) == 70 - kBase);
}

TEST_CASE("since 7.3 a file's own pages have an offset of their own", "[vma][rules]") {
  const auto behind = [](World& w) {  // the file continues, the copies of its pages do not
    w.file(0, 2, "rw", 5).write(0).move(0, 2, 20).map(22, 2, "rw", 0, 5, 2);
  };
  expect(since("7.3"), behind, "20-22 rw faulted a1 | 22-24 rw unfaulted");
  expect(between("3.0", "7.3"), behind, "20-24 rw faulted a1");
  const auto shared = [](World& w) {  // the next fault does not share an anon_vma either
    w.file(0, 2, "rw", 5).write(0).move(0, 2, 20).map(22, 2, "rwx", 0, 5, 2).write(22);
  };
  expect(since("7.3"), shared, "20-22 rw faulted a1 | 22-24 rwx faulted a2");
  expect(between("3.0", "7.3"), shared, "20-22 rw faulted a1 | 22-24 rwx faulted a1");
  expect(  // an unwritten part has none
      every_era(), [](World& w) { w.file(0, 2, "rw", 5).move(0, 2, 20).map(22, 2, "rw", 0, 5, 2); },
      "20-24 rw unfaulted");
  expect(  // two that move together stay together, and so does a part that moves back
      since("6.17"),
      [](World& w) {
        w.file(0, 4, "rw", 5)
            .write(0)
            .move(0, 2, 20)
            .move(2, 2, 22)
            .move(21, 1, 40)
            .move(40, 1, 21);
      },
      "20-24 rw faulted a1");
}

TEST_CASE("6.15 and 6.16 take VM_ACCOUNT from the source of MREMAP_DONTUNMAP", "[vma][rules]") {
  for (const std::string_view era : every_era()) {
    INFO("rules of " << era);
    World w("num-children", era);
    w.map(0, 2, "rw").write(0).move(0, 2, 20, kMremapDontUnmap);
    CHECK(w.has(0, kVmAccount) == (era != "6.15" && era != "6.16"));
    CHECK(w.has(20, kVmAccount));
  }
}

//  |  un  | copy |   ->  |      un     |      source and copy become one vma
TEST_CASE("an unfaulted vma may merge with its own copy, where no kernel forbids it",
          "[vma][rules]") {
  const auto above = [](World& w) { w.map(4, 2, "rw").move(4, 2, 6, kMremapDontUnmap); };
  const auto below = [](World& w) { w.map(4, 2, "rw").move(4, 2, 2, kMremapDontUnmap); };
  const Eras never_joins =
      join({between("6.1.192", "6.7"), between("6.12.117", "6.13"), since("7.0")});
  for (const std::string_view era : every_era()) {
    INFO("rules of " << era);
    const bool never = contains(never_joins, era);
    CHECK(after(era, above) ==
          (never ? "4-6 rw unfaulted | 6-8 rw unfaulted" : "4-8 rw unfaulted"));
    CHECK(after(era, below) ==
          (never ? "2-4 rw unfaulted | 4-6 rw unfaulted" : "2-6 rw unfaulted"));
  }
}

TEST_CASE("a copy that may not join its source may join another vma", "[vma][rules]") {
  const auto life = [](World& w) {
    w.map(4, 2, "rw").map(8, 2, "rw").move(4, 2, 6, kMremapDontUnmap);
  };
  expect(join({between("6.12.117", "6.13"), since("7.0")}), life,
         "4-6 rw unfaulted | 6-10 rw unfaulted");
  expect(between("6.1.192", "6.7"), life,
         "4-6 rw unfaulted | 6-8 rw unfaulted | 8-10 rw unfaulted");
  expect(  // elsewhere it may merge
      between("6.1.192", "6.7"),
      [](World& w) { w.map(4, 2, "rw").map(20, 2, "rw").move(4, 2, 18, kMremapDontUnmap); },
      "4-6 rw unfaulted | 18-22 rw unfaulted");
}

TEST_CASE("a copy is its own even if the source was faulted beside it", "[vma]") {
  expect(
      since("5.13"), [](World& w) { w.map(4, 2, "rw").write(4).move(4, 2, 6, kMremapDontUnmap); },
      "4-6 rw unfaulted | 6-8 rw faulted a1");
}

TEST_CASE("mremap of no length at all copies a shared mapping", "[vma]") {
  World w;
  w.map(0, 4, "rw", kMapShared, 5).remap(1, 0, 2, kMremapMayMove, 20);
  CHECK(w.show() == "0-4 rw unfaulted | 20-22 rw unfaulted");
  CHECK(w.pgoff(20) == 1 - kBase);
}

TEST_CASE("a userfaultfd does not follow a moved mapping", "[vma]") {
  World w;
  w.exec(1, {{.start = 0, .end = 2, .prot = "rw", .flags = kVmUffdMissing, .context = 3}});
  w.in(1).move(0, 2, 20).map(22, 2, "rw");
  CHECK(w.show(1) == "20-24 rw unfaulted");
}

//  | A uffd |   moved beside   | B uffd |   before 7.3 they merged, and B lost its userfaultfd
TEST_CASE("since 7.3 what moves away from its userfaultfd merges with nothing", "[vma][rules]") {
  const auto life = [](World& w) {
    w.exec(1, {{.start = 0, .end = 2, .prot = "rw", .flags = kVmUffdMissing, .context = 3},
               {.start = 10, .end = 12, .prot = "rw", .flags = kVmUffdMissing, .context = 3}});
    w.in(1).move(0, 2, 12);
  };
  expect(since("7.3"), life, "10-12 rw uffd unfaulted | 12-14 rw unfaulted", 1);
  expect(before("7.3"), life, "10-14 rw unfaulted", 1);
}

// Up to 6.16 the kernel does not look at a length that stays.
TEST_CASE("a mapping may keep a length that no mapping can have", "[vma]") {
  World w;
  w.map(0, 2, "rw");
  const auto here = static_cast<std::int64_t>(World::addr(0));
  w.apply(Remap{.addr = World::addr(0), .old_len = 1ull << 63, .new_len = 1ull << 63, .ret = here},
          MmId{0});
  CHECK(w.show() == "0-2 rw unfaulted");
  CHECK(w.spaces().anomalies()[Anomaly::bad_range] == 0);
}

}  // namespace
}  // namespace anonvma::test
