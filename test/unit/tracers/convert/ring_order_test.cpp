// Numbers of operations on kernels where no hook sees the mmap_lock.
#include "tracers/convert/ring_order.h"

#include <cstring>
#include <vector>

#include "test/catch.h"
#include "test/unit/tracers/convert/convert_pipe.h"

namespace anonvma::test {
namespace {

constexpr std::uint64_t kMm = 0xff001000, kOther = 0xff002000;

// The number that a record gets.
std::uint32_t number(RingOrder& order, std::uint16_t kind, std::uint32_t tid,
                     std::uint64_t mm = kMm, std::uint32_t seq = 0) {
  anonvma_record record{0, mm, seq, 0, tid, kind, 0};
  std::vector<std::byte> bytes(sizeof record);
  std::memcpy(bytes.data(), &record, sizeof record);
  order.number(bytes);
  std::memcpy(&record, bytes.data(), sizeof record);
  return record.seq;
}

std::uint32_t fork(RingOrder& order, std::uint32_t tid, std::uint32_t call,
                   std::uint64_t child_mm) {
  anonvma_fork_record record{};
  record.head = {0, kMm, call, 0, tid, ANONVMA_FORK, 0};
  record.child_mm = child_mm;
  std::vector<std::byte> bytes(sizeof record);
  std::memcpy(bytes.data(), &record, sizeof record);
  order.number(bytes);
  std::memcpy(&record, bytes.data(), sizeof record);
  return record.head.seq;
}

}  // namespace

TEST_CASE("ring order: operations count up, and what lies between has even numbers") {
  RingOrder order;
  CHECK(number(order, ANONVMA_FAULT, 1) == 0);
  CHECK(number(order, ANONVMA_OP, 1) == 1);
  CHECK(number(order, ANONVMA_FAULT, 1) == 2);
  CHECK(number(order, ANONVMA_OP, 2) == 3);
  CHECK(number(order, ANONVMA_OP, 1, kOther) == 1);
  CHECK(number(order, ANONVMA_SEEN, 1) == 4);
}

TEST_CASE("ring order: an operation has its place where it was first seen under the lock") {
  RingOrder order;
  CHECK(number(order, ANONVMA_PLACE, 1, kMm, 11) == 1);
  CHECK(number(order, ANONVMA_TRUTH, 1, kMm, 11) == 1);
  CHECK(number(order, ANONVMA_OP, 2, kMm, 15) == 3);  // this call began later, and returned first
  CHECK(number(order, ANONVMA_TRUTH, 1, kMm, 11) == 1);
  CHECK(number(order, ANONVMA_TRUTH, 1, kOther, 11) == 0);  // another mm
  CHECK(number(order, ANONVMA_TRUTH, 1, kMm, 0) == 0);      // no operation
  CHECK(number(order, ANONVMA_OP, 1, kMm, 11) == 1);
  CHECK(number(order, ANONVMA_TRUTH, 1, kMm, 11) == 0);  // its operation has ended
  CHECK(number(order, ANONVMA_OP, 1, kMm, 13) == 5);
}

TEST_CASE("ring order: several tasks see one call under the lock, and may say so late") {
  RingOrder order;
  CHECK(number(order, ANONVMA_PLACE, 1, kMm, 11) == 1);
  CHECK(number(order, ANONVMA_PLACE, 2, kMm, 21) == 3);
  CHECK(number(order, ANONVMA_PLACE, 1, kMm, 11) == 1);  // seen once more
  CHECK(number(order, ANONVMA_OP, 1, kMm, 11) == 1);
  CHECK(number(order, ANONVMA_OP, 3, kMm, 31) == 5);
  number(order, ANONVMA_PLACE, 1, kMm, 11);  // it has returned: this record takes no number
  number(order, ANONVMA_PLACE, 3, kMm, 31);
  CHECK(number(order, ANONVMA_FAULT, 1) == 6);
  CHECK(number(order, ANONVMA_PLACE, 1, kMm, 13) == 7);
  CHECK(number(order, ANONVMA_OP, 1, kMm, 13) == 7);
  CHECK(number(order, ANONVMA_OP, 2, kMm, 21) == 3);
}

TEST_CASE("ring order: calls go on counting from the start") {
  RingOrder order;
  CHECK(number(order, ANONVMA_OP, 1, kMm, 0xffffffff) == 1);
  CHECK(number(order, ANONVMA_PLACE, 1, kMm, 3) == 3);
  CHECK(number(order, ANONVMA_OP, 1, kMm, 3) == 3);
}

TEST_CASE("ring order: a fork is an operation of the parent, and its child begins anew") {
  RingOrder order;
  CHECK(number(order, ANONVMA_OP, 9, kOther) == 1);  // of an earlier mm at the child's address
  CHECK(number(order, ANONVMA_PLACE, 1, kMm, 11) == 1);
  CHECK(number(order, ANONVMA_OP, 2) == 3);
  CHECK(fork(order, 1, 11, kOther) == 1);
  CHECK(number(order, ANONVMA_OP, 3, kOther) == 1);
}

TEST_CASE("ring order: an mm that has ended is another one at its address") {
  RingOrder order;
  CHECK(number(order, ANONVMA_OP, 1) == 1);
  CHECK(number(order, ANONVMA_EXIT_MMAP, 1) == 2);
  CHECK(number(order, ANONVMA_EXEC, 1) == 0);
  CHECK(number(order, ANONVMA_OP, 1) == 1);
  CHECK(number(order, ANONVMA_EXEC, 1) == 0);
  CHECK(number(order, ANONVMA_OP, 1) == 1);
}

TEST_CASE("ring order: a free that is told behind the next allocation is the old object's") {
  Pipe p;
  p.converter.number_in_ring_order();
  p.exec(kA, 0, 0, 1);
  const auto truth = [&](std::uint64_t object, anonvma_cache cache, bool freed) {
    p.feed(anonvma_truth_record{p.head(ANONVMA_TRUTH, kA, 0, 0), object,
                                static_cast<std::uint8_t>(cache), ANONVMA_SITE_UNLINK, freed, 0, 0,
                                0, 0, 0});
    return std::get<Truth>(p.events.back().body);
  };
  for (const anonvma_cache cache : {ANONVMA_CACHE_AVC, ANONVMA_CACHE_ANON_VMA}) {
    const std::uint64_t at = 0xa000 + 0x1000ull * cache;
    const std::uint64_t first = truth(at, cache, false).object;
    const std::uint64_t second = truth(at, cache, false).object;
    CHECK(second != first);
    CHECK(truth(at, cache, true).object == first);
    CHECK(truth(at, cache, true).object == second);
    CHECK(truth(at, cache, false).object > second);
  }
  // A freed object may look like a chain entry by then: the recorder knows its real kind.
  CHECK(truth(0xa000 + 0x1000ull * ANONVMA_CACHE_ANON_VMA, ANONVMA_CACHE_AVC, true).cache ==
        ANONVMA_CACHE_ANON_VMA);
}

}  // namespace anonvma::test
