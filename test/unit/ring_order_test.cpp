// Numbers of operations where no hook sees the mmap_lock.
#include "tracers/ring_order.h"

#include <cstring>
#include <vector>

#include "test/catch.h"

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

std::uint32_t fork(RingOrder& order, std::uint32_t tid, std::uint64_t child_mm) {
  anonvma_fork_record record{};
  record.head = {0, kMm, 0, 0, tid, ANONVMA_FORK, 0};
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

TEST_CASE("ring order: an operation has its place where its first vma came or went") {
  RingOrder order;
  CHECK(number(order, ANONVMA_PLACE, 1) == 1);
  CHECK(number(order, ANONVMA_TRUTH, 1, kMm, 1) == 1);
  CHECK(number(order, ANONVMA_OP, 2) == 3);  // began later, and returned first
  CHECK(number(order, ANONVMA_TRUTH, 1, kMm, 1) == 1);
  CHECK(number(order, ANONVMA_TRUTH, 1, kOther, 1) == 0);  // of another mm
  CHECK(number(order, ANONVMA_TRUTH, 1, kMm, 0) == 0);     // of none
  CHECK(number(order, ANONVMA_OP, 1) == 1);
  CHECK(number(order, ANONVMA_TRUTH, 1, kMm, 1) == 0);  // its operation has ended
  CHECK(number(order, ANONVMA_OP, 1) == 5);
}

TEST_CASE("ring order: a fork is an operation of the parent, and its child begins anew") {
  RingOrder order;
  CHECK(number(order, ANONVMA_OP, 9, kOther) == 1);  // an earlier one at the child's address
  CHECK(number(order, ANONVMA_PLACE, 1) == 1);
  CHECK(number(order, ANONVMA_OP, 2) == 3);
  CHECK(fork(order, 1, kOther) == 1);
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

}  // namespace anonvma::test
