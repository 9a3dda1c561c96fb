// Runs that the kernel skipped, for a program that is loaded more than once.
#include "tracers/load/skipped_runs.h"

#include <array>
#include <cstdint>

#include "test/catch.h"

namespace anonvma::test {
namespace {

using Counts = std::array<std::uint64_t, 3>;

TEST_CASE("what one copy did not skip is not lost", "[misses]") {
  SkippedByAll skipped;
  CHECK(skipped.grown(Counts{5, 3, 0}) == 0);
  // The copy that had skipped nothing skips now, and all copies together skipped no event.
  CHECK(skipped.grown(Counts{5, 3, 4}) == 0);
  CHECK(skipped.grown(Counts{9, 3, 4}) == 0);
}

TEST_CASE("what all copies skipped in a short time may be lost", "[misses]") {
  SkippedByAll skipped;
  CHECK(skipped.grown(Counts{7, 2, 4}) == 2);
  CHECK(skipped.grown(Counts{7, 2, 4}) == 0);
  CHECK(skipped.grown(Counts{8, 12, 9}) == 1);
}

TEST_CASE("without copies whatever is skipped is lost", "[misses]") {
  SkippedByAll skipped;
  CHECK(skipped.grown(std::array<std::uint64_t, 1>{4}) == 4);
  CHECK(skipped.grown(std::array<std::uint64_t, 1>{6}) == 2);
  CHECK(skipped.grown({}) == 0);
}

}  // namespace
}  // namespace anonvma::test
