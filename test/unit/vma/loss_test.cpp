// Lost records: the mms that they taint, and the snapshots that end the taint.
#include "test/catch.h"
#include "test/support/verify_tape.h"

namespace anonvma::test {
namespace {

World& lose(World& w, MmId mm, std::uint64_t count = 1) {
  return w.apply(Lost{.count = count}, mm);
}

void see(World& w, std::uint32_t mm, const std::vector<Seen>& vmas,
         SnapReason reason = SnapReason::resync, MmId by = {}) {
  Tape t;
  t.in(mm).see(reason, vmas);
  std::get<Snapshot>(t.events.front().body).by = by;
  for (const Event& event : t.events)
    std::visit([&](const auto& b) { w.apply(b, MmId{mm}); }, event.body);
}

// The kernel's state of a parent and its child:   | rw a7 | r a7 |     | rw a9 (a7) |
const Link kOwn{7, 7, 7, 2, 2}, kChilds{9, 7, 7, 0, 1};
const std::vector<Seen> kParent = {
    {{.start = 0, .end = 2, .prot = "rw", .anon_vma = 7}, {kOwn}},
    {{.start = 2, .end = 4, .prot = "r", .flags = kVmAccount, .anon_vma = 7}, {kOwn}}};
const std::vector<Seen> kChild = {
    {{.start = 0, .end = 2, .prot = "rw", .anon_vma = 9}, {kChilds, kOwn}}};

TEST_CASE("a loss taints the mm and its relatives, until they are seen again", "[loss]") {
  World w;
  w.map(0, 4, "rw").write(0).fork(1).exec(2, {});
  lose(w, MmId{1});
  CHECK(w.spaces().tainted(MmId{0}));
  CHECK(w.spaces().tainted(MmId{1}));
  CHECK_FALSE(w.spaces().tainted(MmId{2}));
  w.in(1).fork(3).exec(4, {});
  CHECK(w.spaces().tainted(MmId{3}));
  CHECK_FALSE(w.spaces().tainted(MmId{4}));
  CHECK(w.spaces().anomalies()[Anomaly::tainted_mms] == 3);
  see(w, 0, kParent);
  see(w, 1, kChild);
  w.in(2).map(0, 1, "r");
  CHECK_FALSE(w.spaces().tainted(MmId{0}));
  CHECK(w.spaces().tainted_now() == 1);
  w.in(3).exit();
  CHECK(w.spaces().tainted_now() == 0);
  lose(w, MmId{0});
  CHECK(w.spaces().anomalies()[Anomaly::tainted_mms] == 3);  // over the whole trace, each mm once
  CHECK(w.spaces().anomalies()[Anomaly::lost_events] == 2);
}

TEST_CASE("a loss of nobody knows whom taints all, one of an unnamed mm nobody", "[loss]") {
  World w;
  w.exec(1, {}).apply(Lost{.count = 1, .unnamed = 1}, MmId{});
  CHECK(w.spaces().tainted_now() == 0);
  w.apply(Lost{.count = 1}, MmId{99});
  CHECK(w.spaces().tainted_now() == 0);
  lose(w, MmId{});
  CHECK(w.spaces().tainted_now() == 2);
}

TEST_CASE("an mm that was seen again is as in the kernel: boundaries, attributes, objects",
          "[loss]") {
  World w;
  w.map(0, 8, "rw").write(0).fork(1).in(1).map(20, 3, "r");
  lose(w, MmId{0});
  see(w, 0, kParent);
  see(w, 1, kChild);
  w.in(0).write(0);
  CHECK(w.show(0) == "0-2 rw faulted a1 | 2-4 r faulted a1");
  CHECK(w.show(1) == "0-2 rw forked a1");
  CHECK(w.active(kVmAreaStruct) == 3);
  CHECK(w.active(kAnonVma) == 2);
  CHECK(w.active(kAnonVmaChain) == 4);
  const auto links = w.spaces().strategy().chain_links(w.spaces().vmas(MmId{1}).front());
  REQUIRE(links.size() == 2);
  CHECK(links[1].num_children == 2);
  CHECK(links[1].num_active_vmas == 2);
  // The replay goes on from there: they merge again, and no object is left in the end.
  w.protect(2, 2, "rw");
  CHECK(w.show(0) == "0-4 rw faulted a1");
  w.exit().in(1).exit();
  for (const CacheIndex c : {kVmAreaStruct, kAnonVmaChain, kAnonVma}) CHECK(w.active(c) == 0);
}

TEST_CASE("a name of an anon_vma may be another one's after a loss", "[loss]") {
  World w;
  see(w, 10, kParent, SnapReason::attach);
  see(w, 11, kChild, SnapReason::attach);
  see(w, 12, {{{.start = 0, .end = 1, .prot = "rw", .anon_vma = 5}, {{5, 5, 5, 1, 1}}}},
      SnapReason::attach);
  w.in(10).map(30, 1, "r");
  const std::uint64_t before =
      w.spaces().strategy().anon_vma_name(w.spaces().vmas(MmId{12}).front());
  lose(w, MmId{10});
  see(w, 10, kParent);
  see(w, 11, kChild);
  see(w, 12, {{{.start = 0, .end = 1, .prot = "rw", .anon_vma = 5}, {{5, 5, 5, 1, 1}}}});
  w.in(10).map(30, 1, "r");
  CHECK(w.spaces().strategy().anon_vma_name(w.spaces().vmas(MmId{12}).front()) != before);
  CHECK(w.active(kAnonVma) == 3);
  CHECK(w.spaces().at_start()[kAnonVma] == 3);
}

TEST_CASE("an mm whose birth was lost is born by its snapshot, in its relative's family",
          "[loss]") {
  World w;
  w.map(0, 8, "rw").write(0);
  lose(w, MmId{0});
  see(w, 0, kParent);
  see(w, 5, kChild, SnapReason::resync, MmId{0});
  see(w, 6, {});
  w.in(5).write(0);
  CHECK(w.show(5) == "0-2 rw forked a1");
  CHECK(w.spaces().mms_seen() == 3);
  lose(w, MmId{0});
  CHECK(w.spaces().tainted(MmId{5}));
  CHECK_FALSE(w.spaces().tainted(MmId{6}));
}

TEST_CASE("one whose birth was lost and that is seen before its relatives is of their family",
          "[loss]") {
  World w;
  w.map(0, 8, "rw").write(0).exec(9, {});
  lose(w, MmId{0});
  see(w, 5, kChild);
  see(w, 9, {{{.start = 0, .end = 1, .prot = "rw", .anon_vma = 5}, {{5, 5, 5, 1, 1}}}});
  see(w, 0, kParent);
  w.in(5).write(0);
  CHECK(w.spaces().tainted_now() == 0);
  lose(w, MmId{0});
  CHECK(w.spaces().tainted(MmId{5}));
  CHECK_FALSE(w.spaces().tainted(MmId{9}));
}

TEST_CASE("every strategy is put right, and gives everything back", "[loss]") {
  for (const StrategyChoice& s : every_choice()) {
    INFO(s.name());
    World w(s);
    w.map(0, 8, "rw").write(0).fork(1).in(1).write(3).map(20, 3, "rw").write(20).fork(2);
    lose(w, MmId{1});
    see(w, 0, kParent);
    see(w, 1, kChild);
    see(w, 2, kChild);
    w.in(2).map(40, 1, "r");
    CHECK(w.show(0).starts_with("0-2 rw"));
    CHECK(w.spaces().vmas(MmId{0}).size() == 2);
    CHECK(w.spaces().vmas(MmId{1}).size() == 1);
    CHECK(w.spaces().tainted_now() == 0);
    CHECK(w.spaces().strategy().faulted(w.spaces().vmas(MmId{1}).front()) ==
          w.spaces().strategy().faulted(w.spaces().vmas(MmId{0}).front()));
    w.in(0).exit().in(1).exit().in(2).exit();
    for (std::size_t c = 0; c < kAllCaches; ++c) CHECK(w.active(static_cast<CacheIndex>(c)) == 0);
  }
}

TEST_CASE("the map_count of a tainted mm proves nothing", "[loss]") {
  World w("num-children", "6.18.16", {.role = Role::own});
  w.map(0, 2, "rw");
  lose(w, MmId{0});
  w.apply(Unmap{World::addr(8), kPage, 0}, MmId{0}, 5);
  CHECK(w.spaces().map_counts().compared() == 0);
  CHECK(w.spaces().anomalies()[Anomaly::drifted] == 0);
  see(w, 0, {{{.start = 0, .end = 2, .prot = "rw"}, {}}});
  w.apply(Unmap{World::addr(8), kPage, 0}, MmId{0}, 1);
  CHECK(w.spaces().map_counts().compared() == 1);
  CHECK(w.spaces().map_counts().mismatches() == 0);
}

TEST_CASE("what a tainted mm cannot have done proves no damage", "[loss]") {
  const bool tainted = GENERATE(false, true);
  World w;
  w.brk(100, 102).map(104, 2, "rw");
  if (tainted) lose(w, MmId{0});  // the munmap, for example
  w.brk(102, 106);
  CHECK(w.spaces().anomalies()[Anomaly::bad_range] == (tainted ? 0 : 1));
}

const Lane& lane(const Verdict& verdict, std::string_view name) {
  for (const Lane& lane : verdict.lanes)
    if (lane.name == name) return lane;
  throw std::runtime_error("no such lane");
}

// A protect that split and an unmap are missing; then the mm is read again.
Tape loses_some() {
  Tape t = youth();
  t.events.erase(t.nth<Protect>(0));
  t.add(Lost{.count = 2});
  return t;
}

TEST_CASE("lanes that rest on all objects are n/a once one may be missing", "[loss][verify]") {
  Tape t = loses_some();
  t.see(SnapReason::end, parent(0));  // the walk differs from the model, and proves nothing now
  t.see(SnapReason::resync, parent(0));
  t.op(protect_event(2, 2, 3), 3, "-v -c").see(SnapReason::end, parent(0));
  const Verdict verdict = verify(t);
  CHECK_FALSE(verdict.truth);
  for (const char* name :
       {"objects, by operation", "objects, by address space", "first anonymous faults",
        "anon_vma allocated", "anon_vma live at the end"}) {
    INFO(name);
    CHECK(lane(verdict, name).not_available == "2 records were lost");
    CHECK(lane(verdict, name).compared == 0);
  }
  // The protect has merged VMAs that the walk after it shows apart. The lanes that see this differ.
  CHECK(lane(verdict, "vmas in snapshots").compared > 3);
  CHECK_FALSE(lane(verdict, "vmas in snapshots").agrees());
  CHECK(lane(verdict, "map_count before operations").agrees());
}

TEST_CASE("after a loss the model goes on from the snapshot, equal to the kernel",
          "[loss][verify]") {
  Tape t = loses_some();
  t.see(SnapReason::resync, parent(0)).token += 2;
  t.op(Fork{MmId{1}, 11}, 3, "").see(SnapReason::end, parent(1));
  t.in(1).see(SnapReason::end, child());
  const Verdict verdict = verify(t);
  CHECK(verdict.agrees());
  CHECK_FALSE(verdict.proves());
  CHECK(lane(verdict, "chain entries in walks").compared == 9);
  CHECK(verdict.differences.empty());
}

TEST_CASE("a difference from before the loss stays one", "[loss][verify]") {
  Tape t = youth();
  t.op(protect_event(3, 1, 3), 3, "+v +v +v");
  const Verdict verdict = verify(t.add(Lost{.count = 1}));
  CHECK_FALSE(lane(verdict, "objects, by operation").agrees());
  CHECK(lane(verdict, "objects, by address space").not_available == "1 records were lost");
}

}  // namespace
}  // namespace anonvma::test
