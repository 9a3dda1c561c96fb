// The verifier on made-up recordings: a small life that agrees in every lane, and the same life
// with one change, which exactly the lanes concerned must notice.
#include <functional>

#include "test/support/verify_tape.h"

namespace anonvma::test {
namespace {

// The lanes that differ.
std::string differing(const Verdict& verdict) {
  std::string names;
  for (const Lane& lane : verdict.lanes)
    if (!lane.agrees()) names += (names.empty() ? "" : ", ") + lane.name;
  return names;
}
std::string differing(const Tape& tape) { return differing(verify(tape)); }

// The objects excluded under this name: vmas, chain entries, anon_vmas.
std::array<std::uint64_t, kNumCaches> excluded(const Tape& tape, std::string_view name) {
  const Verdict verdict = verify(tape);
  CHECK(differing(verdict) == "");
  for (const Excluded& e : verdict.excluded)
    if (e.name == name) return e.objs;
  FAIL("nothing is excluded as " << name);
  return {};
}
std::array<std::uint64_t, kNumCaches> objs(std::uint64_t vmas, std::uint64_t avcs,
                                           std::uint64_t anon_vmas) {
  std::array<std::uint64_t, kNumCaches> all{};
  all[kVmAreaStruct] = vmas, all[kAnonVmaChain] = avcs, all[kAnonVma] = anon_vmas;
  return all;
}

TEST_CASE("a recording that the model explains agrees in every lane", "[verify]") {
  const Verdict verdict = verify(life());
  CHECK(verdict.proves());
  CHECK(verdict.differences == std::vector<std::string>{});
  std::string compared;
  for (const Lane& lane : verdict.lanes)
    compared += lane.name + ' ' + std::to_string(lane.compared) + '\n';
  CHECK(compared ==
        "map_count before operations 3\n"
        "write acquires explained 3\n"
        "vmas in snapshots 10\n"
        "chain entries in walks 9\n"
        "objects, by operation 4\n"
        "first anonymous faults 1\n"
        "objects, by address space 2\n"
        "vm_area_struct allocated 6\n"
        "anon_vma_chain allocated 9\n"
        "anon_vma allocated 5\n"
        "vm_area_struct live at the end 0\n"
        "anon_vma_chain live at the end 0\n"
        "anon_vma live at the end 0\n");
}

TEST_CASE("objects alive at the end are compared as well", "[verify]") {
  const Verdict verdict = verify(youth());
  CHECK(verdict.proves());
  CHECK(verdict.lanes.back().name == "anon_vma live at the end");
  CHECK(verdict.lanes.back().compared == 2);
}

struct Tampering {
  const char* what;
  std::function<void(Tape&)> change;
  std::string lanes;  // the lanes that notice it
};

TEST_CASE("one thing changed makes the lanes differ that look at it", "[verify]") {
  const auto token_objects = [](Tape& t, const std::string& words) {  // more in the mmap
    Tape more;
    more.head.seq = 1;
    more.kernel(words);
    t.events.insert(t.nth<Map>(0), more.events.begin(), more.events.end());
  };
  const std::vector<Tampering> all = {
      {"map_count", [](Tape& t) { t.nth<Fork>(0)->head.map_count = 4; },
       "map_count before operations"},
      {"a writer without a snapshot",
       [](Tape& t) {
         t.events.insert(t.nth<ExitMmap>(0), Event{{.mm = MmId{1}, .seq = 99}, UnknownWrite{}});
       },
       "write acquires explained"},
      {"end of a vma", [](Tape& t) { t.body<SnapVma>(9).end += kPage; }, "vmas in snapshots"},
      {"flags of a vma", [](Tape& t) { t.body<SnapVma>(9).vm_flags ^= kVmAccount; },
       "vmas in snapshots"},
      {"pgoff of a vma", [](Tape& t) { ++t.body<SnapVma>(8).pgoff; }, "vmas in snapshots"},
      {"policy of a vma", [](Tape& t) { ++t.body<SnapVma>(8).policy; }, "vmas in snapshots"},
      {"no anon_vma", [](Tape& t) { t.body<SnapVma>(8).anon_vma = {}; }, "vmas in snapshots"},
      {"a vma too few",
       [](Tape& t) {
         t.events.erase(t.nth<SnapVma>(8));
         t.body<Snapshot>(3).nr_vmas = 2;
       },
       "vmas in snapshots"},
      {"num_children", [](Tape& t) { ++t.body<SnapChain>(0).num_children; },
       "chain entries in walks"},
      {"num_active_vmas", [](Tape& t) { ++t.body<SnapChain>(3).num_active_vmas; },
       "chain entries in walks"},
      {"parent", [](Tape& t) { t.body<SnapChain>(3).parent = AnonVmaId{1}; },
       "chain entries in walks"},
      {"an entry too few",
       [](Tape& t) {
         t.events.erase(t.nth<SnapChain>(4));
         t.body<SnapVma>(4).nr_chain = 1;
       },
       "chain entries in walks"},
      {"objects under the next token", [](Tape& t) { t.nth<Truth>(5)->head.seq = 3; },
       "objects, by operation"},
      {"an object too many, which stays", [&](Tape& t) { token_objects(t, "+v"); },
       "objects, by operation, objects, by address space, vm_area_struct allocated, "
       "vm_area_struct live at the end"},
      {"an object too many, for a moment", [&](Tape& t) { token_objects(t, "+c -c"); },
       "objects, by operation, objects, by address space, anon_vma_chain allocated"},
      {"an object too few", [](Tape& t) { t.events.erase(t.nth<Truth>(5)); },
       "objects, by operation, objects, by address space, vm_area_struct allocated, "
       "vm_area_struct live at the end"},
      {"a prepare that is none", [](Tape& t) { t.body<Truth>(6).site = 0; },
       "first anonymous faults"},
      {"a prepare too many",
       [](Tape& t) {
         Tape more;
         more.kernel("+p");
         t.events.insert(t.nth<Fault>(0), more.events.front());
       },
       "first anonymous faults, objects, by address space, anon_vma_chain allocated, "
       "anon_vma_chain live at the end"},
      {"an object of the child freed by the parent",
       [](Tape& t) {
         for (Event& e : t.events)
           if (const auto* truth = std::get_if<Truth>(&e.body);
               truth != nullptr && e.head.mm == MmId{1} && truth->cache == kAnonVmaChain) {
             e.head.mm = MmId{0};
             return;
           }
       },
       "objects, by address space"},
      {"an anon_vma that nobody freed",
       [](Tape& t) {
         std::erase_if(t.events, [](const Event& e) {
           const auto* truth = std::get_if<Truth>(&e.body);
           return truth != nullptr && truth->freed && truth->object == 5;
         });
       },
       "anon_vma live at the end"}};
  for (const Tampering& t : all) {
    INFO(t.what);
    Tape tape = life();
    t.change(tape);
    const Verdict verdict = verify(tape);
    CHECK(differing(verdict) == t.lanes);
    CHECK_FALSE(verdict.proves());
    CHECK_FALSE(verdict.differences.empty());
  }
}

TEST_CASE("an exec that kept more than its snapshot shows differs", "[verify]") {
  Tape t = life();
  t.events.insert(t.events.begin(), t.events.front());
  CHECK(differing(t) ==
        "objects, by operation, vm_area_struct allocated, vm_area_struct live at the end");
}

TEST_CASE("the name of an anon_vma holds in every address space", "[verify]") {
  Tape other = life();  // the stack's, with the name of the heap's
  other.body<SnapVma>(9).anon_vma = AnonVmaId{2};
  CHECK(differing(other) == "vmas in snapshots");
  Tape child_has_it = life();  // the chain is measured by the same names
  child_has_it.body<SnapVma>(4).anon_vma = AnonVmaId{1};
  CHECK(differing(child_has_it) == "vmas in snapshots, chain entries in walks");
  Tape two = life();  // two names for one
  two.body<SnapVma>(8).anon_vma = AnonVmaId{77};
  CHECK(differing(two) == "vmas in snapshots");
}

TEST_CASE("without the truth lane names hold within a snapshot, and lanes are missing",
          "[verify]") {
  Tape t = youth();
  std::erase_if(t.events, [](const Event& e) { return std::holds_alternative<Truth>(e.body); });
  std::vector<Seen> renamed = without_chains(parent(0));
  renamed[0].vma.anon_vma = renamed[1].vma.anon_vma = 60;
  renamed[2].vma.anon_vma = 2;
  t.see(SnapReason::exit, renamed).add(ExitMmap{});
  const Verdict verdict = verify(t, false);
  CHECK(verdict.proves());
  CHECK(verdict.excluded.empty());
  for (std::size_t i = 0; i < verdict.lanes.size(); ++i) {
    INFO(verdict.lanes[i].name);
    CHECK(verdict.lanes[i].not_available == (i < 3 ? "" : "recorded without --truth"));
  }
  renamed[1].vma.anon_vma = 61;  // in the model the vmas share an anon_vma
  Tape apart = youth();
  apart.see(SnapReason::exit, renamed);
  CHECK(differing(verify(apart, false)) == "vmas in snapshots");
}

TEST_CASE("a writer whose work a snapshot shows is explained", "[verify]") {
  Tape t = youth();
  t.op(UnknownWrite{}, 0, "").see(SnapReason::unknown_write, without_chains(parent(0)));
  CHECK(verify(parent_exits(t)).proves());
}

// A thread of the kernel (DAMON) that takes the lock again and again, before any task of the mm runs.
TEST_CASE("one snapshot shows the work of several unseen writers", "[verify]") {
  const auto life = [](std::uint32_t map_count_after) {
    Tape t = youth();
    t.op(UnknownWrite{}, 3, "+v").op(UnknownWrite{}, 4, "");
    std::vector<Seen> seen = without_chains(parent(0));
    seen.insert(seen.begin() + 2, {{.start = 8, .end = 9, .prot = "rw"}, {}});
    t.see(SnapReason::unknown_write, seen);
    t.op(Unmap{World::addr(8), kPage, 0}, map_count_after, "-v");
    return parent_exits(t);
  };
  CHECK(verify(life(4)).proves());
  CHECK(differing(life(5)) == "map_count before operations");
}

// A walk holds up writers, not faults: the vma at page 8 is prepared while the walk reads.
TEST_CASE("a fault may be handled while a task reads what an unseen writer left", "[verify]") {
  const auto life = [](bool same_number) {
    Tape t = youth();
    t.op(map_event(8, 1), 3, "+v").op(UnknownWrite{}, 0, "");
    const std::uint32_t number = t.token - 1;
    t.by(11).head.seq = same_number ? number : number - 2;
    t.head.time_ns = 1000;
    t.add(write_event(8)).head.seq = 0;
    t.head.time_ns = 2000;
    t.kernel("+p +a6").by(10).head.seq = number;
    t.head.time_ns = 3000;
    std::vector<Seen> seen = without_chains(parent(0));
    seen.insert(seen.begin() + 2, {{.start = 8, .end = 9, .prot = "rw"}, {}});
    t.see(SnapReason::unknown_write, seen);
    t.head.seq = 0;
    return t;
  };
  CHECK(differing(life(true)) == "");
  CHECK(differing(life(false)) == "vmas in snapshots");
}

TEST_CASE("what a loader made and gave up is left out", "[verify]") {
  CHECK(excluded(life(), "exec temporaries") == objs(1, 0, 0));
}

// Both tasks allocate; the second finds the vma prepared and frees its objects.
TEST_CASE("a lost race to prepare one vma is left out", "[verify]") {
  Tape t = youth();
  t.op(map_event(8, 1), 3, "+v");
  t.by(11).kernel("+p +a6").by(12).kernel("+p +a7 -a7 -p");
  t.by(11).add(write_event(8)).by(12).add(write_event(8));
  CHECK(excluded(t, "lost races") == objs(0, 1, 1));
  t.op(map_event(20, 1), 4, "+v");  // the loser had found an anon_vma to share
  t.by(11).kernel("+p +a8").by(12).kernel("+p -p").by(11).add(write_event(20));
  CHECK(excluded(t, "lost races") == objs(0, 2, 1));
}

// A page of KSM holds it, and the recording ends without any address space.
TEST_CASE("an anon_vma that outlives its address space is left out", "[verify]") {
  const auto held = [](const std::string& name) {
    Tape t = youth();
    parent_exits(t);
    std::erase_if(t.events, [&](const Event& e) {
      const auto* truth = std::get_if<Truth>(&e.body);
      return truth != nullptr && truth->freed && truth->cache == kAnonVma &&
             std::to_string(truth->object) == name;
    });
    return t;
  };
  CHECK(excluded(held("1"), "held by others") == objs(0, 0, 1));  // of the exec
  CHECK(excluded(held("2"), "held by others") == objs(0, 0, 1));
  Tape later = held("2");
  later.in(0).head.mm = {};
  later.kernel("-a2");
  CHECK(verify(later).proves());
  for (const Excluded& e : verify(later).excluded) CHECK(e.name != "held by others");
}

// A writer from outside grows a stack that nobody has written to.
TEST_CASE("a stack that another process has grown was prepared", "[verify]") {
  Tape t = youth();
  Map stack = map_event(400, 2);
  stack.map_flags |= kMapGrowsDown;
  t.op(stack, 3, "+v").kernel("+p +a6").op(UnknownWrite{}, 0, "");
  std::vector<Seen> seen = without_chains(parent(0));
  const Shown grown{.start = 398, .end = 402, .prot = "rw", .flags = kVmGrowsDown, .anon_vma = 6};
  seen.insert(seen.begin() + 2, {grown, {}});
  CHECK(differing(t.see(SnapReason::unknown_write, seen)) == "");
}

TEST_CASE("what a refused call built and dropped is left out", "[verify]") {
  Tape t = youth();
  Map refused = map_event(20, 1);
  refused.ret = -12;
  t.op(refused, 3, "+v -v");
  CHECK(excluded(parent_exits(t), "failed calls") == objs(1, 0, 0));
  Tape kept = youth();
  kept.op(refused, 3, "+v");
  CHECK(differing(kept) ==
        "objects, by operation, objects, by address space, vm_area_struct allocated, "
        "vm_area_struct live at the end");
}

// A driver refuses a mapping, and the next writer is one that nobody traces. The snapshot is of its work.
TEST_CASE("a refused call that left nothing does not wait for the snapshot of a later writer",
          "[verify]") {
  Tape t = youth();
  Map refused = map_event(20, 1);
  refused.ret = -22;
  t.op(refused, 3, "+v -v");
  t.op(UnknownWrite{}, 0, "+v");
  std::vector<Seen> seen = without_chains(parent(0));
  seen.insert(seen.begin() + 2, {{.start = 8, .end = 9, .prot = "rw"}, {}});
  t.see(SnapReason::unknown_write, seen);
  t.op(Unmap{World::addr(8), kPage, 0}, 4, "-v");
  CHECK(excluded(parent_exits(t), "failed calls") == objs(1, 0, 0));
}

// An LSM refuses the second of two vmas, so the first has changed. Only the kernel's state tells.
TEST_CASE("a snapshot explains what a refused call has done before", "[verify]") {
  const auto life = [](bool is_read) {
    Tape t = youth();
    t.op(protect_event(1, 2, 7, -13), 3, "+v +c");
    if (!is_read) return t;
    std::vector<Seen> seen = without_chains(parent(0));
    seen.front().vma.end = 1;
    seen.insert(seen.begin() + 1,
                {{.start = 1, .end = 2, .prot = "rwx", .flags = kVmAccount, .anon_vma = 2}, {}});
    t.see(SnapReason::unknown_write, seen);
    t.op(protect_event(2, 2, 1), 4, "");
    t.see(SnapReason::exit, seen);
    return t.kernel("-c -c -c -a2 -c -a1 -v -v -v -v").add(ExitMmap{});
  };
  CHECK(verify(life(true)).proves());
  CHECK(differing(life(false)).starts_with("objects, by operation, objects, by address space"));
}

// No Fork event comes: the child never existed. Its memory has no owner either.
TEST_CASE("a failed fork is left out", "[verify]") {
  Tape t = youth();
  t.op(UnknownWrite{}, 0, kForked).see(SnapReason::unknown_write, without_chains(parent(0)));
  t.events.erase(t.nth<UnknownWrite>(0));
  t.head.mm = {};
  for (Event& e : std::vector<Event>(t.events)) {
    const auto* truth = std::get_if<Truth>(&e.body);
    if (truth == nullptr || e.head.seq != 5) continue;
    Truth freed = *truth;
    freed.freed = 1;
    t.add(freed);
  }
  t.in(0).op(map_event(20, 1), 3, "+v");
  CHECK(excluded(t, "failed calls") == objs(3, 6, 3));
}

TEST_CASE("a fork and an exit that the recording did not see to their end are left out",
          "[verify]") {
  Tape forking = youth();
  forking.head.seq = forking.token;
  forking.kernel("+v +c +a3 +c +v");
  CHECK(excluded(forking, "still forking") == objs(2, 2, 1));
  Tape exiting = youth();
  exiting.head.map_count = 3;
  exiting.add(ExitTask{}).kernel("-c -c -a2");
  CHECK(excluded(exiting, "still exiting") == objs(0, 2, 1));
}

TEST_CASE("calls and faults that the recording did not see to their end are a doubt", "[verify]") {
  Tape t = youth();
  std::string lane;
  SECTION("a write lock whose call did not return") {
    t.head.seq = t.token;
    t.kernel("+v").add(UnknownWrite{});
    lane = "write acquires explained";
  }
  SECTION("a fault that was not handled") {
    t.op(map_event(20, 1), 3, "+v").add(write_event(20));
    lane = "first anonymous faults";
  }
  SECTION("a touch that no event of its task has told of yet") {
    t.op(map_event(20, 1), 3, "+v").kernel("+p +a9");
    lane = "first anonymous faults";
  }
  t.head.seq = 0;
  const Verdict verdict = verify(t);
  CHECK(verdict.agrees());
  REQUIRE(verdict.doubts.size() == 1);
  CHECK(verdict.doubts.front() == "1 calls or faults were under way when the recording ended");
  t.head.time_ns += 1'000'000'000;  // enough time has passed by now
  t.add(ExitTask{});
  CHECK_THAT(differing(t), ContainsSubstring(lane));
}

TEST_CASE("what an operation prepared that did not return is left out", "[verify]") {
  Tape t = youth();
  t.head.seq = t.token;
  t.kernel("+v +p");
  CHECK(excluded(t, "still forking") == objs(1, 1, 0));
}

// A mapping is faulted while a walk reads it: the walk's place in the order is before the fault.
TEST_CASE("a fault may come while a walk reads", "[verify]") {
  const auto walk_and = [](bool fault) {
    Tape t;
    t.kernel("+v -v +v +p +a1", true).add(Exec{});
    t.see(SnapReason::exec, without_chains({parent(0)[2]}));
    t.op(map_event(0, 4), 1, "+v");
    const Shown shown{.start = 0, .end = 4, .prot = "rw", .anon_vma = 2};
    t.see(SnapReason::end, {{shown, {{2, 2, 2, 1, 1}}}, parent(0)[2]});
    if (fault) t.kernel("+p +a2").add(write_event(0));
    t.head.time_ns += 1'000'000'000;
    return t.add(ExitTask{});
  };
  CHECK(differing(walk_and(true)) == "");
  CHECK(differing(walk_and(false)) == "vmas in snapshots");
}

TEST_CASE("an exception may come before a walk, and its effect behind it", "[verify]") {
  Tape t;
  t.head.time_ns = 5;
  t.kernel("+v -v +v +p +a1", true).add(Exec{});
  t.see(SnapReason::exec, without_chains({parent(0)[2]}));
  t.op(map_event(0, 4), 1, "+v").add(write_event(0));
  const bool handled = GENERATE(false, true);
  if (handled) t.kernel("+p +a2");
  t.head.time_ns += 1;
  t.see(SnapReason::end, {{{.start = 0, .end = 4, .prot = "rw"}, {}}, parent(0)[2]});
  if (!handled) t.kernel("+p +a2");
  CHECK(differing(t) == (handled ? "vmas in snapshots, chain entries in walks" : ""));
}

TEST_CASE("lost records are a doubt, not a difference", "[verify]") {
  const Verdict verdict = verify(life().add(Lost{.count = 7}));
  CHECK(verdict.agrees());
  CHECK_FALSE(verdict.proves());
  REQUIRE(verdict.doubts.size() == 1);
  CHECK(verdict.doubts.front() == "7 records were lost");
}

// Alive when recording began: a parent, and a child whose snapshot comes later.
Tape attached(std::uint64_t children) {
  Tape t;
  const Link own{1, 1, 1, children, 1}, its{2, 1, 1, 0, 1};
  const Shown vma{.start = 0, .end = 4, .prot = "rw", .anon_vma = 1};
  Shown forked = vma;
  forked.anon_vma = 2;
  t.head.seq = 10;
  t.see(SnapReason::attach, {{vma, {own}}}).in(1).see(SnapReason::attach, {{forked, {its, own}}});
  t.in(0).head.seq = 9;
  t.kernel("+v");  // by an operation that the snapshot already shows
  t.token = 11;
  t.op(protect_event(2, 2, 1), 1, "+v +c");
  return t.in(1).kernel("-c -c -a2 -v").add(ExitMmap{});
}

TEST_CASE("what was alive at the start is taken over and goes on", "[verify]") {
  CHECK(verify(attached(2)).proves());
}

// A mapping older than the walk, which saw it unfaulted; its touch comes after the walk.
Tape touched_late(std::uint32_t tid, const std::string& kernels) {
  Tape t;
  t.head.seq = 10;
  t.see(SnapReason::attach, {{{.start = 0, .end = 4, .prot = "rw"}, {}}});
  t.by(10).add(protect_event(100, 1, 1, -12));
  t.by(tid).head.seq = 9;  // the call that populates its own mapping
  t.kernel(kernels);
  if (!kernels.empty()) t.body<Truth>(1).site = static_cast<std::uint64_t>(TruthSite::prepare);
  t.head.seq = 10;
  return t.add(Touch{.addr = World::addr(0)});
}

TEST_CASE("a call that the start walk shows may go on to populate behind it", "[verify]") {
  const Verdict verdict = verify(touched_late(10, "+p +a9"));
  CHECK(differing(verdict) == "");
  CHECK(verdict.doubts == std::vector<std::string>{});
  CHECK_THAT(differing(touched_late(10, "")), ContainsSubstring("first anonymous faults"));
}

TEST_CASE("a touch of before the recording may be told of in it", "[verify]") {
  const Verdict verdict = verify(touched_late(11, ""));  // no event of that task came before
  CHECK(verdict.agrees());
  REQUIRE(verdict.doubts.size() == 1);
  CHECK_THAT(verdict.doubts.front(), ContainsSubstring("under way"));
}

// The walk of the parent still showed the child, but its place in the order is after
// the child's end.
TEST_CASE("a relative may end between a walk and its place in the order", "[verify]") {
  const auto ends = [](std::uint64_t read_ns) {
    Tape t = youth();
    t.op(Fork{MmId{1}, 11}, 3, kForked);
    t.head.time_ns = 10;
    child_exits(t);
    t.head.time_ns = read_ns;
    t.see(SnapReason::end, parent(1));
    t.head.time_ns = 1'000'000'000;
    return t.add(ExitTask{});
  };
  CHECK(differing(ends(9)) == "");
  CHECK(differing(ends(11)) == "chain entries in walks");
}

TEST_CASE("relatives that nobody recorded are a doubt", "[verify]") {
  const Verdict verdict = verify(attached(3));
  CHECK(verdict.agrees());
  REQUIRE(verdict.doubts.size() == 1);
  CHECK_THAT(verdict.doubts.front(), ContainsSubstring("1 anon_vmas are shared"));
}

// 0: [a1]   1: a1 [a2]   2: a1 a2 [a3], alive when recording began. 1 exits and 2 forks 3, which
// finds a2 without a vma and with one child.
struct Family {
  Link a1, a2, a3;
  std::string forked;  // the kernel's allocations and frees for 3
  bool reversed;       // 3: [a2] between a3 and a1
};
Tape family(const Family& f) {
  const auto vma = [](std::uint32_t anon_vma) {
    return Shown{.start = 0, .end = 4, .prot = "rw", .anon_vma = anon_vma};
  };
  Tape t;
  t.see(SnapReason::attach, {{vma(1), {f.a1}}});
  t.in(1).see(SnapReason::attach, {{vma(2), {f.a2, f.a1}}});
  t.in(2).see(SnapReason::attach, {{vma(3), {f.a3, f.a2, f.a1}}});
  t.in(1).kernel("-c -c -v").add(ExitMmap{});
  t.in(2).op(Fork{MmId{3}, 11}, 1, f.forked);
  t.see(SnapReason::end, {{vma(3), {f.a3, f.a2, f.a1}}});
  const std::vector<Link> kept = {f.a3, f.a2, f.a1}, reversed = {f.a1, f.a2, f.a3};
  return t.in(3).see(SnapReason::end, {{vma(2), f.reversed ? reversed : kept}});
}
Meta kernel_with(std::vector<std::string> members, std::uint64_t clone_args) {
  Meta meta;
  meta.anon_vma_members = std::move(members);
  meta.anon_vma_clone_args = clone_args;
  return meta;
}

TEST_CASE("a kernel is held against the strategy that its structures tell", "[verify]") {
  const Family two{{1, 1, 1, 2, 1}, {2, 1, 1, 1, 1}, {3, 1, 2, 0, 1}, "+v +c +c +c", false};
  Family ahead = two;
  ahead.forked = "+v +a9 +c +c +c +c -c -a9";
  ahead.reversed = true;
  // The kernel has one counter for children and vmas.
  const Family one{{1, 1, 1, 3, 0}, {2, 1, 1, 2, 0}, {3, 1, 2, 1, 0}, "+v +c +c +c", false};
  const Meta num_children = kernel_with({"root", "num_children", "num_active_vmas"}, 2),
             linux_7_0 = kernel_with({"root", "num_children", "num_active_vmas"}, 3),
             degree = kernel_with({"root", "degree"}, 2);
  for (const auto& [meta, mine] :
       {std::pair{num_children, two}, {linux_7_0, ahead}, {degree, one}}) {
    INFO(own_strategy(meta));
    const Verdict verdict = verify(family(mine), true, meta);
    CHECK(verdict.differences == std::vector<std::string>{});
    CHECK(verdict.proves());
  }
  CHECK_THAT(differing(verify(family(two), true, linux_7_0)),
             ContainsSubstring("chain entries") && ContainsSubstring("anon_vma allocated"));
  CHECK(differing(verify(family(one), true, num_children)) != "");

  // a1 has a child that no snapshot shows.
  Family more = one;
  ++more.a1.num_children;
  const Verdict verdict = verify(family(more), true, degree);
  CHECK(verdict.agrees());
  CHECK(verdict.shared_elsewhere == 1);
}

}  // namespace
}  // namespace anonvma::test
