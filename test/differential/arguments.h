// Random arguments of operations: few places, so that ranges meet, and some nonsense.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <span>

#include "test/differential/program.h"

namespace anonvma::differential {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }
  bool chance(unsigned percent) { return below(100) < percent; }
  bool permille(unsigned n) { return below(1000) < n; }
  template <class T, std::size_t N>
  T of(const T (&list)[N]) {
    return list[below(N)];
  }

 private:
  std::mt19937_64 engine_;
};

class Arguments {
 public:
  explicit Arguments(Random& random) : random_(random) {}

  // The whole arena, writable.
  void fill_all(Operation& mmap);
  // The operation that undoes `operation`, or uses its result; nothing for most operations.
  std::optional<Operation> sequel(const Operation& operation);
  // Sets the arguments. `peer` is the slot of another process to act upon.
  void fill(Operation& operation, unsigned peer);

 private:
  struct Range {
    std::int64_t addr, len;
  };
  Range range();
  std::int64_t address();
  std::int64_t prot();
  void fill_mmap(Operation& operation);
  void fill_mremap(Operation& operation);
  void fill_touch(Operation& operation);
  void fill_32_bit(Operation& operation);
  void fill_rare(Operation& operation, const Range& range);
  std::int64_t map_flags(File file);
  std::int64_t advice();

  Random& random_;
  std::array<std::int64_t, 4> edges_{};  // recent begins and ends of ranges
  std::size_t next_edge_ = 0;
  std::array<Range, 8> mapped_{};  // recently mapped ranges
  std::size_t next_mapped_ = 0;
};

}  // namespace anonvma::differential
