// prctl(PR_SET_VMA): names keep vmas apart, and go with a copy.
#include "test/support/vma_world.h"

using namespace anonvma;
using namespace anonvma::test;

namespace {

constexpr std::uint32_t kOne = 1, kTwo = 2;

}  // namespace

//   before       rrrrrrrr      one vma, written to
//   name 2-4     rr11rrrr
//   name 4-6     rr1111rr      joins the part before it
//   unname all   rrrrrrrr
TEST_CASE("naming splits, joins equal names, and unnaming joins all", "[vma]") {
  const auto life = [](World& w) { w.map(0, 8, "rw").write(0); };
  const auto parts = [&](World& w) {
    life(w);
    w.name(2, 2, kOne).name(4, 2, kOne);
  };
  expect(every_era(), parts, "0-2 rw faulted a1 | 2-6 rw name1 faulted a1 | 6-8 rw faulted a1");
  expect(
      every_era(), [&](World& w) { parts(w), w.name(0, 8, kTwo); }, "0-8 rw name2 faulted a1");
  expect(
      every_era(), [&](World& w) { parts(w), w.name(0, 8, 0); }, "0-8 rw faulted a1");
  expect(
      every_era(), [&](World& w) { parts(w), w.name(1, 2, kTwo); },
      "0-1 rw faulted a1 | 1-3 rw name2 faulted a1 | 3-6 rw name1 faulted a1 | "
      "6-8 rw faulted a1");
}

TEST_CASE("a name that is there already changes nothing", "[vma]") {
  World w;
  w.map(0, 8, "rw").name(0, 8, kOne);
  const std::uint64_t allocs = w.allocs(kVmAreaStruct);
  w.name(2, 4, kOne);
  CHECK(w.show() == "0-8 rw name1 unfaulted");
  CHECK(w.allocs(kVmAreaStruct) == allocs);
}

TEST_CASE("a changed range goes into a neighbour only if the name is equal", "[vma]") {
  const auto life = [](World& w) {
    w.map(0, 12, "rw").write(0).name(4, 4, kOne).protect(4, 4, "r");
  };
  expect(every_era(), life, "0-4 rw faulted a1 | 4-8 r name1 faulted a1 | 8-12 rw faulted a1");
  expect(
      every_era(), [&](World& w) { life(w), w.protect(4, 4, "rw"); },
      "0-4 rw faulted a1 | 4-8 rw name1 faulted a1 | 8-12 rw faulted a1");
  expect(
      every_era(), [&](World& w) { life(w), w.protect(0, 4, "r").name(0, 4, kOne); },
      "0-8 r name1 faulted a1 | 8-12 rw faulted a1");
}

TEST_CASE("a new mapping has no name", "[vma]") {
  World w;
  w.map(0, 4, "rw").name(0, 4, kOne).map(4, 4, "rw");
  CHECK(w.show() == "0-4 rw name1 unfaulted | 4-8 rw unfaulted");
  w.name(4, 4, kOne);
  CHECK(w.show() == "0-8 rw name1 unfaulted");
  w.map(2, 2, "rw");
  CHECK(w.show() == "0-2 rw name1 unfaulted | 2-4 rw unfaulted | 4-8 rw name1 unfaulted");
}

TEST_CASE("the break grows behind a heap with a name", "[vma]") {
  World w;
  w.brk(0, 4).name(0, 4, kOne).brk(4, 8);
  CHECK(w.show() == "0-4 rw name1 unfaulted | 4-8 rw unfaulted");
  w.name(0, 8, kOne).brk(8, 6);
  CHECK(w.show() == "0-6 rw name1 unfaulted");
}

TEST_CASE("a stack keeps its name when it grows", "[vma]") {
  World w;
  w.map(8, 2, "rw", kMapGrowsDown).write(8).name(8, 2, kOne).grow(7, kFaultWrite);
  CHECK(w.show() == "7-10 rw name1 faulted a1");
}

TEST_CASE("a child inherits names", "[vma]") {
  World w;
  w.map(0, 4, "rw").map(4, 4, "rw", kMapNoReserve).write(0).name(0, 2, kOne).fork(1);
  CHECK(w.show(1) == "0-2 rw name1 forked a1 | 2-4 rw forked a2 | 4-8 rw unfaulted");
  w.in(1).name(0, 2, 0);
  CHECK(w.show(0) == "0-2 rw name1 faulted a1 | 2-4 rw faulted a1 | 4-8 rw unfaulted");
}

//   at 0   1111      at 10   2222      the copy goes beside 2222, and does not join it
TEST_CASE("a copy has the name of its source, and joins only an equal one", "[vma]") {
  const auto moved = [](std::uint32_t beside) {
    return [beside](World& w) {
      w.map(0, 4, "rw").write(0).name(0, 4, kOne);
      w.map(8, 2, "rw").name(8, 2, beside).move(0, 2, 10);
    };
  };
  World apart, joined;
  moved(kTwo)(apart);
  CHECK(apart.show() ==
        "2-4 rw name1 faulted a1 | 8-10 rw name2 unfaulted | "
        "10-12 rw name1 faulted a1");
  World kept;
  kept.map(0, 4, "rw").write(0).name(0, 4, kOne).move(0, 4, 10, kMremapDontUnmap);
  CHECK(kept.show() == "0-4 rw name1 unfaulted | 10-14 rw name1 faulted a1");
  World grown;
  grown.map(0, 2, "rw").name(0, 2, kOne).map(4, 2, "rw").remap(0, 2, 4, 0, 0);
  CHECK(grown.show() == "0-4 rw name1 unfaulted | 4-6 rw unfaulted");
}

// Files cannot have names. The call ends there; it goes on behind a hole.
TEST_CASE("a refused call has named what lies before", "[vma]") {
  constexpr int kBadF = -9, kNoMem = -12;
  const auto life = [](World& w) { w.map(0, 2, "rw").file(2, 2, "rw", 7).map(4, 2, "rw"); };
  World file;
  life(file);
  file.name(0, 6, kOne, kBadF);
  CHECK(file.show() == "0-2 rw name1 unfaulted | 2-4 rw unfaulted | 4-6 rw unfaulted");
  World hole;
  life(hole);
  hole.unmap(2, 2).name(0, 8, kOne, kNoMem);
  CHECK(hole.show() == "0-2 rw name1 unfaulted | 4-6 rw name1 unfaulted");
  World nothing;
  life(nothing);
  nothing.name(0, 2, kOne, -4).name(0, 2, kOne, -11).name(0, 0, kOne);
  CHECK(nothing.show() == "0-2 rw unfaulted | 2-4 rw unfaulted | 4-6 rw unfaulted");
}

TEST_CASE("shared anonymous memory has a name if the call says so", "[vma]") {
  World w;
  w.map(0, 4, "rw", kMapShared).name(1, 2, kOne);
  CHECK(w.show() == "0-1 rw unfaulted | 1-3 rw name1 unfaulted | 3-4 rw unfaulted");
}

// Neighbours of different names may share an anon_vma: anon_vma_compatible() does not look at names.
TEST_CASE("names come with snapshots, and an unseen writer may change them", "[vma]") {
  World w;
  w.exec(3, {{.start = 0, .end = 2, .prot = "rw", .anon_vma = 1, .name = kOne},
             {.start = 2, .end = 4, .prot = "rw", .anon_vma = 1}});
  CHECK(w.show(3) == "0-2 rw name1 faulted a1 | 2-4 rw faulted a1");
  w.in(3).unseen_writer({{.start = 0, .end = 4, .prot = "rw", .anon_vma = 1, .name = kTwo}});
  CHECK(w.show(3).find("name1") == std::string::npos);
  CHECK(w.show(3).find("name2") != std::string::npos);
}
