// The pause before a round. It doubles while rounds leave suspects: a family that is always busy
// would otherwise be read without end.
#pragma once

#include <algorithm>
#include <cstdint>

namespace anonvma {

class RoundPace {
 public:
  bool is_due(std::uint64_t now_ns) const { return now_ns - began_ns_ > wait_ns_; }
  void begin(std::uint64_t now_ns) { began_ns_ = now_ns; }
  void end(bool leaves_suspects) {
    wait_ns_ = leaves_suspects ? std::min(2 * wait_ns_, kMostWaitNs) : kWaitNs;
  }

 private:
  static constexpr std::uint64_t kWaitNs = 250'000'000, kMostWaitNs = 2'000'000'000;
  std::uint64_t began_ns_ = 0;
  std::uint64_t wait_ns_ = kWaitNs;
};

}  // namespace anonvma
