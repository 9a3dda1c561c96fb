// Parts of the verifier, each with literal input: unseen writers, calls in flight, states, late
// entries.
#include <vector>

#include "engine/verify/in_flight.h"
#include "engine/verify/state.h"
#include "engine/verify/unseen_writers.h"
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

constexpr MmId kMm{3};
constexpr std::uint64_t kMs = 1'000'000;
constexpr Counts kOneVma{{1, 0, 0}, {}};

TEST_CASE("an unseen writer is open until a snapshot explains it", "[verify]") {
  UnseenWriters writers;
  writers.saw(42);
  writers.acquired(kMm, 10 * kMs, kOneVma);
  writers.acquired(kMm, 20 * kMs, kOneVma);
  REQUIRE(writers.find(kMm) != nullptr);
  CHECK(writers.find(kMm)->acquires == 2);
  CHECK(writers.find(kMm)->last_ns == 20 * kMs);
  CHECK(writers.find(kMm)->kernel == Counts{{2, 0, 0}, {}});
  writers.explained(kMm);
  CHECK(writers.find(kMm) == nullptr);
  CHECK(writers.by_syscall().at(42) == 1);  // for the report, explained or not

  writers.acquired(kMm, 30 * kMs, {});
  CHECK(writers.take(kMm)->acquires == 1);
  CHECK_FALSE(writers.take(kMm));
}

// The books, and what was in flight at the end of the recording.
struct End {
  Books books;
  LeftOut left_out;
  RcuWait rcu{books};
  Prepares prepares;
  KernelBooks kernel{books, left_out, rcu, prepares};
  InFlight in_flight{books, left_out, kernel, prepares, false};
  UnseenWriters writers;
  Lanes lanes{true};

  void alloc(std::uint64_t time_ns, std::uint32_t seq, std::uint64_t object) {
    kernel.take({.time_ns = time_ns, .tid = 10, .mm = kMm, .seq = seq},
                {.cache = kVmAreaStruct,
                 .site = static_cast<std::uint64_t>(TruthSite::other),
                 .object = object});
  }
};

TEST_CASE("objects of a call without an event are left out at the end", "[verify]") {
  End end;
  end.alloc(10 * kMs, 5, 1);
  end.books[kMm].last_seq = 5;  // this call has returned
  end.alloc(20 * kMs, 7, 2);    // this one has not
  end.in_flight.leave_out_calls_and_exits(30 * kMs, end.writers, end.lanes);
  CHECK(end.left_out.in_flight == kOneVma);
  CHECK(end.books[kMm].kernel == kOneVma);
}

TEST_CASE("a writer just before the end is in flight, an earlier one is not", "[verify]") {
  for (const bool just_before : {true, false}) {
    INFO("just before the end: " << just_before);
    End end;
    end.lanes[Lanes::kWriters].compared = end.lanes[Lanes::kWriters].equal = 1;
    end.writers.acquired(kMm, 1000 * kMs, {});
    end.books[kMm];
    end.in_flight.leave_out_calls_and_exits((just_before ? 1100 : 2000) * kMs, end.writers,
                                            end.lanes);
    CHECK(end.in_flight.count() == (just_before ? 1 : 0));
    CHECK(end.lanes[Lanes::kWriters].compared == (just_before ? 0 : 1));
    CHECK((end.writers.find(kMm) == nullptr) == just_before);
  }
}

// The model frees all entries of a vma at once.
TEST_CASE("an exit that the end of the recording cuts off in a chain", "[verify]") {
  for (const std::uint64_t missing : {0u, 2u, 3u}) {
    INFO("frees that the kernel had still to do: " << missing);
    End end;
    Book& book = end.books[kMm];
    book.ending = true;
    book.exit_step.frees[kAnonVmaChain] = 2;  // the last vma had two entries
    book.model.frees[kAnonVmaChain] = 10;
    end.books.add_kernel(kMm, {{}, {0, 10 - missing, 0}});
    end.in_flight.leave_out_calls_and_exits(30 * kMs, end.writers, end.lanes);
    CHECK((book.kernel == book.model) == (missing <= 2));
    CHECK(end.in_flight.count() == (missing == 2 ? 1 : 0));
  }
}

// A model with one faulted mapping, and what a walk of the kernel may show of it.
struct States {
  World world;
  Lanes lanes{false};
  SlabAccount slab;
  ObjectBooks objects{Meta{}, slab, world.spaces(), lanes};
  Kin kin{false};
  StateComparer states{world.spaces(), objects, kin, lanes};
  MmSnapshot walk;

  States() {
    world.map(0, 2, "rw");
    const Vma& vma = world.spaces().vma(world.spaces().vmas(MmId{0}).front());
    walk.head = {.time_ns = 10 * kMs, .mm = MmId{0}};
    walk.snapshot.reason = static_cast<std::uint64_t>(SnapReason::end);
    SnapVma shown;
    shown.start = vma.start;
    shown.end = vma.end;
    shown.vm_flags = vma.flags;
    shown.pgoff = vma.pgoff;
    walk.vmas.push_back({shown, {}});
  }
  // The kernel's chain of a vma that was prepared and never forked.
  void fault_in_kernel() {
    const AnonVmaId a{7};
    walk.vmas[0].vma.anon_vma = a;
    walk.vmas[0].chain = {{a, a, a, 1, 1, 1}};
  }
  const Lane& lane(Lanes::Index index) { return lanes[index]; }
};

TEST_CASE("a state that is equal, and one with another range", "[verify]") {
  States s;
  s.states.compare(s.walk);
  CHECK(s.lane(Lanes::kVmas).compared == 1);
  CHECK(s.lane(Lanes::kVmas).agrees());
  s.walk.vmas[0].vma.end += 4096;
  s.states.compare(s.walk);
  CHECK(s.lane(Lanes::kVmas).compared == 2);
  CHECK(s.lane(Lanes::kVmas).equal == 1);
  s.walk.vmas.clear();
  s.states.compare(s.walk);  // the model's vma is nothing in the kernel
  CHECK(s.lane(Lanes::kVmas).compared == 3);
  CHECK(s.lane(Lanes::kVmas).equal == 1);
}

TEST_CASE("a vma that was faulted during the walk waits for the fault of the model", "[verify]") {
  for (const bool comes : {true, false}) {
    INFO("the fault comes: " << comes);
    States s;
    s.fault_in_kernel();
    s.states.compare(s.walk);
    CHECK(s.lane(Lanes::kVmas).compared == 0);  // not decided yet
    if (comes) s.world.write(0);
    s.states.late().settled({{.time_ns = 11 * kMs, .mm = MmId{0}}, Fault{}});
    CHECK(s.lane(Lanes::kVmas).compared == (comes ? 1 : 0));
    s.states.late().settle_all();
    CHECK(s.lane(Lanes::kVmas).compared == 1);
    CHECK(s.lane(Lanes::kVmas).agrees() == comes);
  }
}

// A child that was exiting when the recording began is in no snapshot, and in no event when it goes.
TEST_CASE("counters that the start does not explain are not compared", "[verify]") {
  for (const bool explained : {true, false}) {
    INFO("the snapshots of the start show all children: " << explained);
    States s;
    s.world.write(0);
    s.fault_in_kernel();
    MmSnapshot start = s.walk;
    start.vmas[0].chain[0].num_children = explained ? 1 : 3;
    s.kin.attached(start);
    CHECK(s.kin.elsewhere() == (explained ? 0 : 1));
    s.walk.vmas[0].chain[0].num_children = 3;
    s.states.compare(s.walk);
    s.states.late().settle_all();
    CHECK(s.lane(Lanes::kChains).compared == (explained ? 1 : 0));
    CHECK(s.lane(Lanes::kChains).agrees() != explained);
  }
}

// The walk reads the counters a little later than its place among the events says.
TEST_CASE("counters of the kernel lie between those of the model meanwhile", "[verify]") {
  for (const std::uint64_t children : {2u, 3u}) {
    INFO("num_children in the kernel: " << children);
    States s;
    s.world.write(0);
    s.fault_in_kernel();
    s.walk.vmas[0].chain[0].num_children = children;
    s.states.compare(s.walk);
    CHECK(s.lane(Lanes::kChains).compared == 0);
    s.world.fork(1);  // the child's anon_vma is a second child of the parent's
    s.states.late().settled({{.time_ns = 11 * kMs, .mm = MmId{0}}, Fork{MmId{1}, 0}});
    s.states.late().settle_all();
    CHECK(s.lane(Lanes::kChains).compared == 1);
    CHECK(s.lane(Lanes::kChains).agrees() == (children == 2));
  }
}

}  // namespace
}  // namespace anonvma::test
