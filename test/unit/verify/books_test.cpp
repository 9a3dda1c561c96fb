// The parts of the verifier, each without a recording.
#include "engine/verify/kernel_books.h"

#include "engine/verify/kin.h"
#include "engine/verify/names.h"
#include "engine/vma/vma.h"
#include "test/catch.h"

namespace anonvma::test {
namespace {

constexpr MmId kMm{3};
constexpr std::uint64_t kMs = 1'000'000;

Counts counts(ObjsByCache allocs, ObjsByCache frees = {}) { return {allocs, frees}; }

// The kernel's side of the books, with all that it writes to.
struct Kernel {
  Books books;
  LeftOut left_out;
  RcuWait rcu{books};
  Prepares prepares;
  KernelBooks kernel{books, left_out, rcu, prepares};
  EventHead head{.time_ns = 10 * kMs, .tid = 10, .mm = kMm};

  bool alloc(CacheIndex cache, std::uint64_t object, TruthSite site = TruthSite::other) {
    return take(cache, object, site, 0);
  }
  bool free(CacheIndex cache, std::uint64_t object, TruthSite site = TruthSite::other) {
    return take(cache, object, site, 1);
  }
  bool take(CacheIndex cache, std::uint64_t object, TruthSite site, std::uint64_t freed) {
    return kernel.take(head, {.cache = cache,
                              .site = static_cast<std::uint64_t>(site),
                              .object = object,
                              .freed = freed});
  }
};

TEST_CASE("an object is booked for its mm, in total, and for its token", "[verify][books]") {
  Kernel k;
  k.head.seq = 5;
  k.alloc(kVmAreaStruct, 1);
  k.free(kAnonVmaChain, 2);
  const Counts both = counts({1, 0, 0}, {0, 1, 0});
  CHECK(k.books.kernel() == both);
  CHECK(k.books[kMm].kernel == both);
  CHECK(k.books[kMm].freed_ns == k.head.time_ns);
  CHECK(k.books[kMm].exit_ns == 0);
  CHECK_FALSE(k.kernel.at_rest());
  CHECK(k.kernel.take_operation(kMm, 5) == both);
  CHECK(k.kernel.take_operation(kMm, 5) == Counts{});
  CHECK(k.kernel.at_rest());
}

TEST_CASE("what no event names is a call that failed", "[verify][books]") {
  Kernel k;
  k.head.seq = 5;
  k.alloc(kVmAreaStruct, 1);
  k.kernel.close(kMm);
  CHECK(k.left_out.failed == counts({1, 0, 0}));
  CHECK(k.books.kernel() == Counts{});
  k.head.mm = {};
  k.free(kVmAreaStruct, 1);  // in the name of no mm
  CHECK(k.left_out.failed == counts({1, 0, 0}, {1, 0, 0}));
  k.free(kVmAreaStruct, 1);  // not known any more
  CHECK(k.left_out.failed.frees[kVmAreaStruct] == 1);
}

TEST_CASE("what is in the snapshot of the start is not booked again", "[verify][books]") {
  Kernel k;
  MmSnapshot start;
  start.head = {.mm = kMm, .seq = 9};
  k.kernel.attached(start);
  k.head.seq = 7;
  CHECK_FALSE(k.alloc(kVmAreaStruct, 1));
  CHECK(k.alloc(kAnonVmaChain, 2, TruthSite::prepare));
  k.head.seq = 9;
  CHECK(k.alloc(kVmAreaStruct, 3));
  CHECK(k.books.kernel() == counts({1, 1, 0}));
}

TEST_CASE("the slower of two threads takes its objects back", "[verify][books]") {
  Kernel k;
  k.alloc(kAnonVmaChain, 1, TruthSite::prepare);
  k.alloc(kAnonVma, 2, TruthSite::prepare);
  CHECK(k.books[kMm].kernel_prepared == 1);
  k.free(kAnonVma, 2, TruthSite::prepare);
  k.free(kAnonVmaChain, 1, TruthSite::prepare);
  CHECK(k.books.kernel() == Counts{});
  CHECK(k.books[kMm].kernel == Counts{});
  CHECK(k.books[kMm].kernel_prepared == 0);
  CHECK(k.left_out.lost_races == counts({0, 1, 1}));
}

TEST_CASE("vmas may come back behind a closed book", "[verify][books]") {
  Books books;
  RcuWait rcu(books);
  Lanes lanes(true);
  Book book;
  book.model.frees[kVmAreaStruct] = 2;
  book.gave_up_ns = 100 * kMs;
  rcu.wait_for(kMm, book, "mm 3");
  CHECK(book.kernel == book.model);
  CHECK_FALSE(rcu.empty());
  CHECK_FALSE(rcu.came_back(MmId{4}));
  CHECK(rcu.came_back(kMm));
  CHECK(books.kernel() == counts({}, {1, 0, 0}));

  SECTION("all of them") {
    CHECK(rcu.came_back(kMm));
    CHECK(rcu.empty());
    CHECK_FALSE(rcu.came_back(kMm));
  }
  SECTION("too late for the recording") {
    rcu.settle(200 * kMs, lanes);
    CHECK(rcu.cut_off() == 1);
    CHECK(lanes.differences().empty());
  }
  SECTION("never") {
    rcu.settle(5'000 * kMs, lanes);
    CHECK(rcu.cut_off() == 0);
    REQUIRE(lanes.differences().size() == 1);
    CHECK(lanes.differences().front() ==
          "mm 3: the kernel never freed 1 vma of those that the model did");
  }
}

TEST_CASE("a fault is in flight until the kernel has prepared its vma", "[verify][books]") {
  Prepares prepares;
  const EventHead fault{.time_ns = 10 * kMs, .tid = 10, .mm = kMm, .seq = 4};
  prepares.raised(fault, 0x5000, {});
  const auto in_flight = [&](std::uint64_t walk_ns, bool own_reading = false) {
    return prepares.in_flight({.time_ns = walk_ns, .mm = kMm, .seq = 4}, 0x5000, 0x6000,
                              own_reading);
  };
  CHECK(in_flight(11 * kMs));
  CHECK_FALSE(in_flight(111 * kMs));  // no fault takes so long
  CHECK_FALSE(prepares.in_flight({.time_ns = 11 * kMs, .mm = kMm}, 0x6000, 0x7000, false));
  EventHead handled = fault;
  handled.time_ns = 12 * kMs;
  prepares.allocated(handled, kAnonVmaChain, 1);
  CHECK(in_flight(11 * kMs));
  CHECK_FALSE(in_flight(13 * kMs));
  CHECK(in_flight(13 * kMs, true));  // under the same number of the lock
}

TEST_CASE("anon_vmas shared with mms that nobody recorded", "[verify][books]") {
  MmSnapshot shown;
  VmaSnapshot& vma = shown.vmas.emplace_back();
  vma.vma.anon_vma = AnonVmaId{1};
  vma.chain.push_back({.anon_vma = AnonVmaId{1},
                       .root = AnonVmaId{1},
                       .parent = AnonVmaId{1},
                       .num_children = 1,
                       .num_active_vmas = 1});
  const auto elsewhere = [&](bool degree) {
    Kin kin(degree);
    kin.attached(shown);
    return kin.elsewhere();
  };
  CHECK(elsewhere(false) == 0);
  vma.chain.front().num_children = 2;
  CHECK(elsewhere(false) == 1);
  CHECK(elsewhere(true) == 0);  // one of the two is the vma
  vma.chain.front().num_active_vmas = 2;
  CHECK(elsewhere(true) == 1);
}

TEST_CASE("names of kernel and model belong to each other", "[verify][books]") {
  Names names;
  CHECK(names.same_anon_vma({}, 0));
  CHECK_FALSE(names.same_anon_vma(AnonVmaId{1}, 0));
  CHECK(names.same_anon_vma(AnonVmaId{1}, 0x10));
  CHECK(names.same_anon_vma(AnonVmaId{1}, 0x10));
  CHECK_FALSE(names.same_anon_vma(AnonVmaId{1}, 0x20));
  CHECK_FALSE(names.same_anon_vma(AnonVmaId{2}, 0x10));
  CHECK(names.kernel_name(0x10) == AnonVmaId{1});
  CHECK(names.same_file(7, 7));
  CHECK_FALSE(names.same_file(7, 8));
  CHECK(names.same_file(7, kUnnamedFile | 1));
  CHECK_FALSE(names.same_file(8, kUnnamedFile | 1));
  names.forget_anon_vmas();
  CHECK(names.same_anon_vma(AnonVmaId{1}, 0x30));
}

TEST_CASE("after a loss equal lanes of objects are not available", "[verify][books]") {
  Lanes lanes(true);
  lanes.compare(Lanes::kVmas, true, [] { return "never asked for"; });
  lanes.compare(Lanes::kOperations, true, [] { return "never asked for"; });
  lanes.compare(Lanes::kPerMm, false, [] { return "mm 3 differs"; });
  CHECK(lanes.differing() == 1);
  lanes.lose_objects(12);
  CHECK(lanes[Lanes::kVmas].compared == 1);
  CHECK(lanes[Lanes::kOperations].compared == 0);
  CHECK(lanes[Lanes::kOperations].not_available == "12 records were lost");
  CHECK(lanes[Lanes::kPerMm].compared == 1);
  CHECK(lanes.differences() == std::vector<std::string>{"mm 3 differs"});
}

}  // namespace
}  // namespace anonvma::test
