// The events that are missing from a recording because the kernel skipped runs of programs.
#pragma once

#include <cstdint>
#include <utility>

#include "tracers/load/skipped_runs.h"

namespace anonvma {

class MissedEvents {
 public:
  void begin(const Misses& now) {
    before_ = now;
    reported_ = now.lost;
  }
  // The number of events that were lost since the last call.
  std::uint64_t take_lost(const Misses& now) {
    return now.lost - std::exchange(reported_, now.lost);
  }
  std::uint64_t all(const Misses& now) const { return now.all() - before_.all(); }

 private:
  Misses before_;  // in recordings before this one
  std::uint64_t reported_ = 0;
};

}  // namespace anonvma
