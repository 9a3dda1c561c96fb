// A comparison with objects over time, for tests of pictures: every value can be read off.
#pragma once

#include "test/support/report_example.h"

namespace anonvma::test {

// A point for each of `objs`, all vm_area_struct of 192 bytes.
inline Timeline timeline_of(std::initializer_list<std::uint64_t> objs) {
  Timeline timeline;
  std::uint64_t time = 0;
  for (const std::uint64_t n : objs) {
    timeline.take(time, {n}, n * 192);
    time += Timeline::kFirstWidthNs;
  }
  return timeline;
}

inline Comparison picture_example() {
  Comparison c = example();
  c.rows[0].timeline = timeline_of({0, 10, 20, 20, 40, 30, 5, 0});
  c.rows[1].timeline = timeline_of({0, 10, 20, 10, 20, 10, 0, 0});
  return c;
}

}  // namespace anonvma::test
