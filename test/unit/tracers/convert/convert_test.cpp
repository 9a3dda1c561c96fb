// Ring records become events in order: literal records in, events out, no kernel and no root.
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "engine/trace/event.h"
#include "engine/trace/texts.h"
#include "test/catch.h"
#include "test/unit/tracers/convert/convert_pipe.h"
#include "tracers/convert/convert.h"
#include "tracers/convert/order.h"
#include "tracers/convert/walked.h"
#include "tracers/kernel/kallsyms.h"

using namespace anonvma;

using namespace anonvma::test;

TEST_CASE("operations leave in lock order, whatever the ring's order") {
  Pipe p;
  p.exec(kA, 4, 0);
  p.op(ANONVMA_OP_MUNMAP, kA, 9);
  p.op(ANONVMA_OP_MPROTECT, kA, 7);
  CHECK(p.out == "exec/0/4 snapshot/0/4");
  p.op(ANONVMA_OP_MMAP, kA, 5);
  CHECK(p.out == "exec/0/4 snapshot/0/4 map/0/5 protect/0/7 unmap/0/9");
}

TEST_CASE("a fault leaves after the operations it came after") {
  Pipe p;
  p.exec(kA, 4, 0);
  p.take();
  p.fault(kA, 4);
  CHECK(p.out == "fault/0/4");
  p.take();
  p.fault(kA, 6);  // operation 5 is over, its record has not come yet
  p.fault(kA, 7);  // operation 7 was in flight
  p.fault(kA, 4);
  p.op(ANONVMA_OP_MMAP, kA, 5);
  CHECK(p.out == "fault/0/4 map/0/5 fault/0/6");
  p.op(ANONVMA_OP_MMAP, kA, 7);
  CHECK(p.out == "fault/0/4 map/0/5 fault/0/6 map/0/7 fault/0/7");
}

TEST_CASE("further acquires of an operation account for their numbers") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.simple(ANONVMA_EXTRA, kA, 3);
  p.op(ANONVMA_OP_MMAP, kA, 5);
  p.op(ANONVMA_OP_MREMAP, kA, 1);
  CHECK(p.out == "remap/0/1 map/0/5");
}

TEST_CASE("stack growth is a fault with a number of its own") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.op(ANONVMA_OP_MMAP, kA, 3);
  p.fault(kA, 1, ANONVMA_GROW);
  CHECK(p.out == "fault/0/1 map/0/3");
  CHECK(p.events.at(2).head.map_count == 9);
}

TEST_CASE("an acquire of nobody's is an UnknownWrite at its place") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.unknown(kA, 3, 17);
  p.op(ANONVMA_OP_MMAP, kA, 1);
  CHECK(p.out == "map/0/1 unknown_write/0/3");
  CHECK(std::get<UnknownWrite>(p.events.back().body).syscall == 17);
}

TEST_CASE("an exec whose vmas are not one state is read again") {
  Pipe p;
  p.exec(kA, 4, 0, 2);
  CHECK_FALSE(p.converter.suspects());
  p.exec(kB, 4, 0, 2, /*torn=*/true);
  CHECK(p.converter.suspects());
  CHECK(p.out ==
        "exec/0/4 snapshot/0/4 snap_vma/0/4 snap_vma/0/4 "
        "exec/1/4 snapshot/1/4 snap_vma/1/4 snap_vma/1/4 lost/1/4");
}

TEST_CASE("a number that stays open is given up, and its operation may still come") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.order.advance(1'000'000'000);
  p.op(ANONVMA_OP_MMAP, kA, 5);
  p.order.advance(5'000'000'000);
  CHECK(p.out.empty());
  p.order.advance(7'000'000'000);
  CHECK(p.out == "unknown_write/0/1 unknown_write/0/3 map/0/5");
  CHECK(p.order.given_up() == 2);
  p.op(ANONVMA_OP_MUNMAP, kA, 3);
  CHECK(p.order.late() == 1);
  CHECK(p.out == "unknown_write/0/1 unknown_write/0/3 map/0/5 unmap/0/3");
}

TEST_CASE("a fault behind a long operation is let go without an UnknownWrite") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.order.advance(1'000'000'000);
  p.fault(kA, 1);  // a writer is in flight: nothing was lost
  p.order.advance(9'000'000'000);
  CHECK(p.out == "fault/0/1");
  p.op(ANONVMA_OP_MMAP, kA, 1);
  CHECK(p.out == "fault/0/1 map/0/1");
}

TEST_CASE("what is open at the end is let go") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.op(ANONVMA_OP_MMAP, kA, 3);
  p.fault(kA, 6);
  p.fork(kA, 9, kB);
  p.op(ANONVMA_OP_MMAP, kB, 3);
  p.order.finish();
  CHECK(p.out ==
        "unknown_write/0/1 map/0/3 unknown_write/0/5 fault/0/6 unknown_write/0/7 fork/0/9 map/1/3");
}

TEST_CASE("a child's events wait for its Fork, through generations") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.fork(kA, 3, kB);
  p.fault(kB, 2);
  p.fork(kB, 3, kC);
  p.op(ANONVMA_OP_MMAP, kC, 3);
  p.simple(ANONVMA_EXIT_MMAP, kC, 5);
  p.exec(kC, 8, kB);  // a new mm at the same address, made by a task of mm 1
  CHECK(p.out.empty());
  p.op(ANONVMA_OP_BRK, kA, 1);
  CHECK(p.out == "brk/0/1 fork/0/3 fault/1/2 exec/3/8 snapshot/3/8 fork/1/3 map/2/3 exit_mmap/2/5");
}

TEST_CASE("a fork without a token goes behind the operations before it") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.unknown(kA, 1);
  p.fork(kA, 4, kB);
  CHECK(p.out == "unknown_write/0/1");
  p.op(ANONVMA_OP_MMAP, kA, 3);
  CHECK(p.out == "unknown_write/0/1 map/0/3 fork/0/4");
}

TEST_CASE("nothing is said of an mm before its birth and after its end") {
  Pipe p;
  p.fault(kA, 2);
  p.op(ANONVMA_OP_MMAP, kA, 1);
  p.simple(ANONVMA_EXIT_MMAP, kA);  // a failed exec
  CHECK(p.out.empty());
  p.exec(kA, 4, 0, 2);
  p.simple(ANONVMA_EXIT_TASK, kA, 4);
  p.simple(ANONVMA_EXIT_MMAP, kA, 5);
  p.fault(kA, 6);
  CHECK(p.out == "exec/0/4 snapshot/0/4 snap_vma/0/4 snap_vma/0/4 exit_task/0/4 exit_mmap/0/5");
  p.take();
  p.exec(kA, 2, 0);
  CHECK(p.out == "exec/1/2 snapshot/1/2");
}

TEST_CASE("ExitMmap comes last, and gaps before it are named") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.op(ANONVMA_OP_MMAP, kA, 3);
  p.simple(ANONVMA_EXIT_MMAP, kA, 5);
  CHECK(p.out == "unknown_write/0/1 map/0/3 exit_mmap/0/5");
}

TEST_CASE("a lost ExitMmap shows when the address comes back") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.exec(kA, 2, 0);
  CHECK(p.out == "exec/0 snapshot/0 exit_mmap/0 exec/1/2 snapshot/1/2");
}

TEST_CASE("exec names the old mm although its address was reused meanwhile") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.feed(anonvma_exec_begin_record{p.head(ANONVMA_EXEC_BEGIN, kB, 0), kA});
  p.simple(ANONVMA_EXIT_MMAP, kA, 1);
  p.exec(kA, 0, 0);
  p.exec(kB, 6, kA, 1);
  const auto& exec = std::get<Exec>(p.events.at(5).body);
  CHECK(p.events.at(5).head.mm == MmId{2});
  CHECK(exec.old_mm == MmId{0});
  const auto& snapshot = std::get<Snapshot>(p.events.at(6).body);
  CHECK(snapshot.reason == static_cast<std::uint64_t>(SnapReason::exec));
  CHECK(snapshot.nr_vmas == 1);
  std::array<char, 16> storage;
  CHECK(comm_view({snapshot.comm_lo, snapshot.comm_hi}, storage) == "sh");
}

TEST_CASE("the walk of the start takes its place in the ring") {
  Pipe p;
  p.op(ANONVMA_OP_MMAP, kA, 5);  // the walk shows it already
  p.walk(1, SnapReason::attach, kA, 8);
  p.op(ANONVMA_OP_MMAP, kA, 7);  // the walk shows it too: it returned late
  p.op(ANONVMA_OP_MUNMAP, kA, 9);
  CHECK(p.out == "snapshot/0/8 snap_vma/0/8 snap_chain/0/8 unmap/0/9");
  CHECK(std::get<SnapVma>(p.events.at(1).body).anon_vma ==
        std::get<SnapChain>(p.events.at(2).body).anon_vma);
  CHECK(std::get<SnapVma>(p.events.at(1).body).nr_chain == 1);
}

namespace {

// A walk of kA at seq 4: 0x7000 without an anon_vma, 0x9000 with one.
struct Attach : Pipe {
  Attach() { converter.start().begin(); }
  void walk() {
    WalkedMm w = walked(kA, 4);
    w.vmas = {
        {{0x7000, 0x8000, 0x73, 7, 0, 0, 0, 0, 1, 0, 0}, {}},
        {{0x9000, 0xa000, 0x73, 9, 0, 0xa000, 0, 0, 1, 0, 0}, {{0xa000, 0xa000, 0xa000, 1, 1, 1}}}};
    converter.add_walk(1, SnapReason::attach, {w});
    feed(anonvma_walk_record{head(ANONVMA_WALK, kA, 4), 1});
    take();
  }
  void fault_at(std::uint64_t addr, std::uint32_t seq = 4) {
    feed(anonvma_fault_record{head(ANONVMA_FAULT, kA, seq), addr | ANONVMA_FAULT_WRITE});
  }
  void prepare(anonvma_cache cache, std::uint64_t object) {
    feed(anonvma_truth_record{head(ANONVMA_TRUTH, kA, 0, 0), object,
                              static_cast<std::uint8_t>(cache), ANONVMA_SITE_PREPARE, 0, 0, 0, 0, 0,
                              0});
  }
  void prepare(std::uint64_t anon_vma = 0xa000) {
    prepare(ANONVMA_CACHE_AVC, 0xb000);
    prepare(ANONVMA_CACHE_ANON_VMA, anon_vma);
  }
};

}  // namespace

TEST_CASE("a fault recorded before the walk follows it where the walk shows no effect") {
  Attach p;
  std::string before;
  p.order = Order{[&](const Event& event) { before += name_of(type_of(event.body)); }};
  SECTION("handled behind the walk") {
    p.fault_at(0x7000);
    p.walk();
    CHECK_THAT(before, ContainsSubstring("fault"));
  }
  SECTION("the walk shows it") {
    p.fault_at(0x9000);
    p.walk();
    CHECK_THAT(before, !ContainsSubstring("fault"));
  }
  SECTION("a writer came in between: it was handled, and undone") {
    p.fault_at(0x7000, 2);
    p.walk();
    CHECK_THAT(before, !ContainsSubstring("fault"));
  }
  SECTION("no vma is there by now") {
    p.fault_at(0x8000);
    p.walk();
    CHECK_THAT(before, !ContainsSubstring("fault"));
  }
}

TEST_CASE("objects that a walk has read are not allocated behind it once more") {
  Attach p;
  SECTION("the fault before the walk's record, its objects behind it") {
    p.fault_at(0x9000);
    p.walk();
    p.prepare();
    CHECK(p.out == "");
  }
  SECTION("both behind it, and the vma read after that") {
    p.walk();
    p.fault_at(0x9000);
    p.prepare();
    CHECK(p.out == "fault/0/4");
  }
  SECTION("a fault that the walk has not seen") {
    p.walk();
    p.fault_at(0x7000);
    p.prepare(0xc000);
    CHECK(p.out == "fault/0/4 truth/0 truth/0");
  }
  SECTION("a neighbour's anon_vma: the fault tells") {
    p.walk();
    p.fault_at(0x9000);
    p.prepare(ANONVMA_CACHE_AVC, 0xb000);
    p.op(ANONVMA_OP_MMAP, kA, 5);
    CHECK(p.out == "fault/0/4 map/0/5");
  }
  SECTION("a neighbour's anon_vma, populated by a call: the touch tells") {
    p.walk();
    p.prepare(ANONVMA_CACHE_AVC, 0xb000);
    p.feed(anonvma_touch_record{p.head(ANONVMA_TOUCH, kA, 4), 0x9000, 0, 0});
    p.op(ANONVMA_OP_MADVISE, kA, 5);
    CHECK_THAT(p.out, !ContainsSubstring("truth"));
  }
  SECTION("a new anon_vma comes between the two objects of a prepare") {
    p.walk();
    p.prepare(ANONVMA_CACHE_AVC, 0xb000);
    p.feed(anonvma_touch_record{p.head(ANONVMA_TOUCH, kA, 4), 0x9000, 0, 0});
    p.feed(anonvma_touch_record{p.head(ANONVMA_NEW_ANON_VMA, kA, 4), 0x9000, 0, 0});
    CHECK_THAT(p.out, ContainsSubstring("new_anon_vma/0/4") && !ContainsSubstring("truth"));
  }
  SECTION("a neighbour's anon_vma, and a fault that the walk has not seen") {
    p.walk();
    p.fault_at(0x7000);
    p.prepare(ANONVMA_CACHE_AVC, 0xb000);
    p.op(ANONVMA_OP_MMAP, kA, 5);
    CHECK(p.out == "fault/0/4 truth/0 map/0/5");
  }
  SECTION("the start is over") {
    p.walk();
    p.fault_at(0x9000);
    p.converter.start().end();
    p.prepare();
    CHECK(p.out == "fault/0/4 truth/0 truth/0");
  }
}

TEST_CASE("an exec that began before the recording is adopted with a walk") {
  Attach p;
  p.walk();
  p.exec(kB, 4, kA, 2);
  CHECK(p.out == "");
  CHECK(p.converter.orphans() == 1);
  p.feed(anonvma_exec_begin_record{p.head(ANONVMA_EXEC_BEGIN, kC, 0, 0), kA});
  p.exec(kC, 4, kA, 2);
  CHECK(p.out == "exec/1/4 snapshot/1/4 snap_vma/1/4 snap_vma/1/4");
}

TEST_CASE("a walk does not announce an mm that execve is filling") {
  Attach p;
  p.feed(anonvma_exec_begin_record{p.head(ANONVMA_EXEC_BEGIN, kA, 0, 0), kB});
  p.walk();
  p.exec(kA, 6, kB, 1);
  CHECK(p.out == "exec/0/6 snapshot/0/6 snap_vma/0/6");
}

TEST_CASE("nor one that an older execve is filling: it is adopted behind it") {
  Attach p;
  WalkedMm half = p.walked(kA, 4);
  half.head.start_brk = 0;
  p.converter.add_walk(1, SnapReason::attach, {half});
  p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, kA, 4), 1});
  p.converter.start().end();
  CHECK(p.out == "");
  p.exec(kA, 6, kB, 1);
  CHECK(p.out == "");
  CHECK(p.converter.orphans() == 1);
  p.Pipe::walk(2, SnapReason::attach, kA, 6);
  CHECK_THAT(p.out, ContainsSubstring("snapshot/0/6"));
}

TEST_CASE("who was walked while its fork came to its end is announced by the Fork") {
  Attach p;
  p.walk();
  p.converter.add_walk(2, SnapReason::attach, {p.walked(kB, 0, 42)});
  p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, kB, 0), 2});
  p.fork(kA, 5, kB);
  CHECK_THAT(p.out, ContainsSubstring("fork/0/5"));
  std::vector<std::uint32_t> released;
  for (const Event& event : p.events) CHECK(p.converter.start().hold(event));
  p.converter.start().release([&](const Event& event) { released.push_back(event.head.mm.v); });
  CHECK_THAT(released, Catch::Matchers::VectorContains(0u));
  CHECK_THAT(released, !Catch::Matchers::VectorContains(1u));  // of the walk
  CHECK_FALSE(p.converter.start().hold(p.events.front()));
}

TEST_CASE("a child forked before its parent's walk has a walk and no Fork") {
  Pipe p;
  p.fork(kA, 5, kB);  // mm A is still unknown
  CHECK(p.converter.orphans() == 1);
  p.walk(1, SnapReason::attach, kA, 6);
  p.fork(kA, 5, kC);  // its token is older than the walk
  CHECK(p.converter.orphans() == 2);
  p.walk(2, SnapReason::attach, kB, 2);
  p.simple(ANONVMA_EXIT_MMAP, kC);
  CHECK(p.converter.orphans() == 0);
  CHECK(p.out ==
        "snapshot/0/6 snap_vma/0/6 snap_chain/0/6 snapshot/1/2 snap_vma/1/2 snap_chain/1/2");
}

TEST_CASE("a Fork after the parent's walk wins over the child's own walk") {
  Pipe p;
  p.walk(1, SnapReason::attach, kA, 6);
  p.take();
  p.fork(kA, 7, kB);
  p.walk(2, SnapReason::attach, kB, 2);
  CHECK(p.out == "fork/0/7");
}

TEST_CASE("a resynchronisation waits for the operations it saw") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.unknown(kA, 1);
  p.walk(1, SnapReason::unknown_write, kA, 4);
  p.fault(kA, 4);
  CHECK(p.out == "unknown_write/0/1");
  p.op(ANONVMA_OP_MMAP, kA, 5);
  p.op(ANONVMA_OP_MMAP, kA, 3);
  CHECK(p.out ==
        "unknown_write/0/1 map/0/3 snapshot/0/4 snap_vma/0/4 snap_chain/0/4 fault/0/4 map/0/5");
  p.take();
  p.walk(2, SnapReason::unknown_write, kB, 4);  // of an unknown mm
  CHECK(p.out.empty());
}

TEST_CASE("the arguments of a mmap become a Map") {
  Pipe p;
  p.exec(kA, 0, 0);
  anonvma_op_record r{};
  r.head = p.head(ANONVMA_OP, kA, 1, 17);
  r.op = ANONVMA_OP_MMAP;
  const std::uint64_t args[] = {0x10000, 0x2000, 3, 0x12, 5, 0x3000};
  std::memcpy(r.args, args, sizeof args);
  r.ret = 0x10000;
  r.vm_flags = 0x73;
  r.file = 0xf00;
  r.stored_file = 0xf80;
  p.feed(r);
  const Event& event = p.events.at(2);
  CHECK(event.head.map_count == 17);
  CHECK(std::get<Map>(event.body) == Map{.addr = 0x10000,
                                         .len = 0x2000,
                                         .prot = 3,
                                         .map_flags = 0x12,
                                         .vm_flags = 0x73,
                                         .pgoff = 3,
                                         .file = 1,
                                         .stored_file = 2,
                                         .ops = 0,
                                         .ret = 0x10000});
}

TEST_CASE("an operation without a write acquire keeps its place, a failed shmat leaves no event") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.op(ANONVMA_OP_MADVISE, kA, 2);  // MADV_POPULATE_WRITE
  p.op(ANONVMA_OP_SHMAT, kA, 1, -22);
  CHECK(p.out == "advise/0/2");
}

TEST_CASE("truth objects have an id from allocation to free") {
  Pipe p;
  p.exec(kA, 0, 0);
  const auto truth = [&](std::uint64_t object, anonvma_cache cache, bool freed) {
    p.feed(anonvma_truth_record{p.head(ANONVMA_TRUTH, kA, 0, 0), object,
                                static_cast<std::uint8_t>(cache), ANONVMA_SITE_PREPARE, freed, 0, 0,
                                0, 0, 0});
    return std::get<Truth>(p.events.back().body).object;
  };
  const auto first = truth(0xa000, ANONVMA_CACHE_ANON_VMA, false);
  CHECK(truth(0xa000, ANONVMA_CACHE_ANON_VMA, true) == first);
  const auto second = truth(0xa000, ANONVMA_CACHE_ANON_VMA, false);
  CHECK(second != first);
  p.walk(1, SnapReason::end, kA, 0);
  CHECK(std::get<SnapChain>(p.events.back().body).anon_vma.v == second);
}

// Unmerging all pages of KSM frees anon_vmas of processes that have ended before the recording.
TEST_CASE("an anon_vma that others have made is not freed by a recorded process") {
  Pipe p(true);
  p.exec(kA, 0, 0);
  p.take();
  const auto truth = [&](std::uint64_t object, bool freed) {
    p.feed(anonvma_truth_record{p.head(ANONVMA_TRUTH, kA, 0, 0), object, ANONVMA_CACHE_ANON_VMA,
                                ANONVMA_SITE_PUT, freed, 0, 0, 0, 0, 0});
  };
  truth(0xb000, true);
  CHECK(p.out == "");
  truth(0xa000, false);
  truth(0xa000, true);
  CHECK(p.out == "truth/0 truth/0");
}

TEST_CASE("a name is a text once, and an id in events") {
  constexpr std::uint64_t kHeap = 1ull << 63 | 7, kStack = 1ull << 63 | 8, kPointer = 0x6000;
  Pipe p;
  p.exec(kA, 4, 0);
  p.take();
  p.name_text(kHeap, "heap");
  p.name_text(kHeap, "heap");  // the programs had forgotten it
  p.name(kA, 5, kPointer, kHeap);
  p.name_text(kStack, std::string(79, 's'));
  p.name(kA, 7, kPointer, kStack);
  p.name(kA, 9, 0, 0);
  CHECK(p.out == "text name/0/5 text text text name/0/7 name/0/9");
  Texts texts;
  for (const Event& event : p.events)
    if (const auto* text = std::get_if<Text>(&event.body)) CHECK(texts.take(*text).empty());
  const auto named = [&](std::size_t i) { return std::get<Name>(p.events.at(i).body); };
  const std::size_t first = p.events.size() - 6;
  CHECK(named(first) == Name{0x7000, 0x1000, 1, 0});
  CHECK(texts.find(TextKind::vma_name, 1) == "heap");
  CHECK(named(first + 4).vma_name == 2);
  CHECK(texts.find(TextKind::vma_name, 2) == std::string(79, 's'));
  CHECK(named(first + 5).vma_name == 0);
}

TEST_CASE("a name that could not be read is an unseen writer") {
  constexpr std::uint64_t kHeap = 1ull << 63 | 7, kPointer = 0x6000;
  Pipe p;
  p.exec(kA, 4, 0);
  p.take();
  p.name(kA, 5, kPointer, 0, ANONVMA_OPS_UNREAD);
  p.name(kA, 7, kPointer, 0, 1, -11);  // it failed at the first vma
  p.name(kA, 9, 0, 0, ANONVMA_OPS_UNREAD);
  p.name(kA, 11, kPointer, kHeap, 1, -9);
  CHECK(p.out == "unknown_write/0/5 unknown_write/0/7 name/0/9 name/0/11");
}

TEST_CASE("vmas of snapshots have the ids of names") {
  Pipe p;
  WalkedMm walked = p.walked(kA, 4);
  walked.vmas[0].vma.name = 77;
  p.converter.add_walk(1, SnapReason::attach, {walked});
  p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, kA, 4), 1});
  p.name_text(77, "late");  // a text may come behind the id
  CHECK(p.out == "snapshot/0/4 snap_vma/0/4 snap_chain/0/4 text");
  CHECK(std::get<SnapVma>(p.events[1].body).vma_name == 1);
  CHECK(std::get<Text>(p.events.back().body).id == 1);
}

TEST_CASE("losses are told by kind and cpu, and malformed records are counted") {
  Pipe p;
  p.converter.lost({ANONVMA_FAULT, 3, 17, 0, true}, 5000);
  CHECK(std::get<Lost>(p.events.at(0).body) == Lost{17, 16, 3, 0});
  const std::byte junk[7] = {};
  p.converter.record(junk);
  p.simple(ANONVMA_OP, kA);  // a head where an operation should be
  p.simple(ANONVMA_KINDS, kA);
  CHECK(p.converter.malformed() == 3);
}

TEST_CASE("a walk's bytes: one owner per mm, torn states are noticed") {
  std::string bytes;
  const auto vma = [&](std::uint32_t tid, std::uint64_t mm, std::uint32_t seq,
                       std::uint32_t chain) {
    anonvma_walk_vma v{};
    v.tid = v.tgid = tid;
    v.mm = mm;
    v.seq = seq;
    v.map_count = 2;
    v.nr_chain = chain;
    bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
    const anonvma_walk_avc avc{};
    for (std::uint32_t i = 0; i < chain; ++i)
      bytes.append(reinterpret_cast<const char*>(&avc), sizeof avc);
  };
  vma(1, kA, 2, 0), vma(1, kA, 2, 3);
  vma(2, kA, 2, 0), vma(2, kA, 2, 3);  // shares mm A
  vma(3, kB, 2, 0), vma(3, kB, 4, 0);  // a writer came in between
  vma(4, kC, 2, 0);                    // one of its two vmas
  const auto walk = parse_walk(std::as_bytes(std::span(bytes)));
  REQUIRE(walk);
  REQUIRE(walk->size() == 3);
  CHECK_FALSE(walk->at(0).torn);
  CHECK(walk->at(0).vmas.at(1).chain.size() == 3);
  CHECK(walk->at(1).torn);
  CHECK(walk->at(2).torn);
  bytes.pop_back();
  CHECK_FALSE(parse_walk(std::as_bytes(std::span(bytes))));
}

TEST_CASE("a process is walked by its local tgid, and the trace has the other") {
  Pipe p;
  WalkedMm older = p.walked(kA, 0, 3011);
  older.head.local_tgid = 7;
  p.converter.add_walk(1, SnapReason::attach, {older});
  p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, kA, 0), 1});
  p.feed(anonvma_fork_record{p.head(ANONVMA_FORK, kA, 2), kB, 2, 3012, 3012, 8});
  anonvma_exec_record exec{};
  exec.head = p.head(ANONVMA_EXEC, kC, 2, 0);
  exec.tgid = 3013;  // in no namespace of the recorder
  p.feed(exec);
  p.order.finish();
  CHECK(p.converter.local_tgid_of(MmId{0}) == 7);
  CHECK(p.converter.local_tgid_of(MmId{1}) == 8);
  CHECK(p.converter.local_tgid_of(MmId{2}) == 0);
  std::vector<std::uint64_t> tgids;
  for (const Event& event : p.events)
    if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) tgids.push_back(snapshot->tgid);
  CHECK(tgids == std::vector<std::uint64_t>{3011, 3013});
}

TEST_CASE("every part of a kernel function is found") {
  std::istringstream kallsyms(
      "0000000000000010 T anon_vma_clone\n"
      "0000000000000030 T __anon_vma_prepare\n"
      "0000000000000050 t __anon_vma_prepare_not\n"
      "0000000000000070 D __anon_vma_prepare\n"
      "0000000000000090 t __anon_vma_prepare.cold\n"
      "0000000000000094 t __anon_vma_prepare.llvm.815\n"
      "0000000000000098 t other\t[module]\n"
      "00000000000000a0 t __anon_vma_prepare\t[module]\n");
  const std::string_view names[] = {"__anon_vma_prepare"};
  const auto found = find_functions(kallsyms, names);
  REQUIRE(found.size() == 3);
  CHECK(found[0].start == 0x30);
  CHECK(found[0].size == 0x20);
  CHECK(found[1].start == 0x90);
  CHECK(found[1].size == 4);
  CHECK(found[2].start == 0x94);
  CHECK(found[2].size == 4);
}

// The ids of the last InCgroup of each mm, by mm.
static std::map<std::uint32_t, std::uint64_t> cgroups(const Pipe& p) {
  std::map<std::uint32_t, std::uint64_t> found;
  for (const Event& event : p.events)
    if (const auto* in = std::get_if<InCgroup>(&event.body)) found[event.head.mm.v] = in->cgroup;
  return found;
}

TEST_CASE("a cgroup is told once for each mm, and its path once") {
  Pipe p;
  p.converter.look_up_cgroups_by(
      [](std::uint64_t id) { return id == 500 ? "/system.slice/a" : ""; });
  p.walk(1, SnapReason::attach, kA, 4);
  p.take();
  p.cgroup(kA, 500);
  CHECK(p.out == "text in_cgroup/0/4");
  p.cgroup(kA, 500);
  p.fork(kA, 5, kB);
  p.cgroup(kB, 500);  // its parent's
  CHECK(cgroups(p) == std::map<std::uint32_t, std::uint64_t>{{0, 1}});
  p.cgroup(kB, 600);
  p.cgroup(kC, 500);  // of no mm that was announced
  p.cgroup(kA, 0);    // a kernel without cgroups
  p.order.finish();
  CHECK(cgroups(p) == std::map<std::uint32_t, std::uint64_t>{{0, 1}, {1, 2}});
  Texts texts;
  for (const Event& event : p.events)
    if (const auto* text = std::get_if<Text>(&event.body)) CHECK(texts.take(*text).empty());
  CHECK(texts.find(TextKind::cgroup, 1) == "/system.slice/a");
  CHECK(texts.find(TextKind::cgroup, 2) == "(no path: cgroup 600)");
}

TEST_CASE("a process that joins the recorded cgroup needs a walk") {
  Pipe p;
  p.cgroup(kA, 500);
  CHECK(p.converter.take_newcomers().empty());
  p.cgroup(kA, 500, true);
  CHECK(p.converter.take_newcomers() == std::set<std::uint32_t>{77});
  CHECK(p.converter.take_newcomers().empty());
  p.walk(1, SnapReason::attach, kA, 4);
  p.cgroup(kA, 500, true);  // announced by now
  CHECK(p.converter.take_newcomers().empty());
}
