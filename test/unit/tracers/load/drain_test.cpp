// The thread that empties the ring: it loses and reorders nothing, and its memory is bounded.
#include "tracers/load/drain.h"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <vector>

#include "test/catch.h"
#include "tracers/load/ring_plan.h"

namespace anonvma::test {
namespace {

// A stand-in for the ring: numbered records of different lengths.
class Source {
 public:
  void add(std::size_t count) {
    const std::lock_guard lock(mutex_);
    added_ += count;
  }
  int consume(Drain& drain) {
    const std::lock_guard lock(mutex_);
    while (taken_ < added_) {
      const std::uint64_t words[3] = {taken_, ~taken_, taken_};
      ++taken_;
      if (!drain.take({reinterpret_cast<const std::byte*>(words), 8 * (1 + (taken_ - 1) % 3)}))
        break;
    }
    return error_;
  }
  void fail(int error) {
    const std::lock_guard lock(mutex_);
    error_ = error;
  }
  std::uint64_t taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  std::mutex mutex_;
  std::uint64_t added_ = 0, taken_ = 0;
  int error_ = 0;
};

// Checks that numbers come out in their order.
struct Reader {
  std::uint64_t next = 0;
  bool in_order = true;
  void operator()(std::span<const std::byte> record) {
    std::uint64_t number = 0;
    std::memcpy(&number, record.data(), sizeof number);
    in_order = in_order && number == next && record.size() == 8 * (1 + number % 3);
    ++next;
  }
};

TEST_CASE("every record comes once and in its order", "[drain]") {
  Source source;
  Drain drain([&](Drain& d) { return source.consume(d); }, 64u << 20);
  Reader reader;
  for (std::uint64_t all = 0; all < 2'000'000; all += 100'000) {
    source.add(100'000);
    CHECK(drain.settle() == 1);
    while (drain.give(30'000, std::ref(reader)) > 0) continue;
    CHECK(reader.next == all + 100'000);
  }
  CHECK(reader.in_order);
  CHECK(drain.empty());
  CHECK(drain.give(1, std::ref(reader)) == 0);
}

TEST_CASE("what waits in memory is bounded, and the rest stays in the ring", "[drain]") {
  constexpr std::size_t kMost = 4u << 20;
  Source source;
  Drain drain([&](Drain& d) { return source.consume(d); }, kMost);
  source.add(1'000'000);
  CHECK(drain.settle() == 0);
  CHECK(source.taken() < 1'000'000);
  CHECK(drain.peak_bytes() >= kMost);
  CHECK(drain.peak_bytes() < kMost + (2u << 20));
  Reader reader;
  while (reader.next < 1'000'000) {
    drain.settle();
    drain.give(100'000, std::ref(reader));
  }
  CHECK(reader.in_order);
  CHECK(drain.settle() == 1);
  CHECK(drain.peak_bytes() < kMost + (2u << 20));
}

TEST_CASE("an error of the ring reaches the caller", "[drain]") {
  Source source;
  Drain drain([&](Drain& d) { return source.consume(d); }, 1u << 20);
  CHECK(drain.settle() == 1);
  source.fail(-5);
  CHECK(drain.settle() == -5);
}

TEST_CASE("the ring fits the machine", "[drain]") {
  constexpr std::uint64_t kMib = 1u << 20, kGib = 1u << 30;
  const auto ring = [](std::uint64_t cpus, std::uint64_t memory, bool truth, Standing standing) {
    return plan_ring({cpus, memory}, truth, standing).ring_bytes / kMib;
  };
  CHECK(ring(2, 24 * kGib, false, Standing::realtime) == 32);
  CHECK(ring(2, 24 * kGib, true, Standing::realtime) == 64);
  CHECK(ring(2, 24 * kGib, true, Standing::nice) == 64);
  CHECK(ring(2, 24 * kGib, false, Standing::plain) == 256);
  CHECK(ring(48, 256 * kGib, false, Standing::realtime) == 1024);
  CHECK(ring(512, 2048 * kGib, true, Standing::plain) == 1024);
  CHECK(ring(1, kGib, true, Standing::plain) == 32);  // a small share of the memory
  CHECK(ring(1, kGib / 4, true, Standing::plain) == 8);
  CHECK(plan_ring({2, 24 * kGib}, false, Standing::realtime).spill_bytes == kGib);
  CHECK(plan_ring({2, 2 * kGib}, false, Standing::realtime).spill_bytes == 128 * kMib);
}

}  // namespace
}  // namespace anonvma::test
