#include "engine/live/summary.h"

#include <algorithm>

namespace anonvma {
namespace {

template <class Of>
std::uint64_t sum(Of of) {
  std::uint64_t all = 0;
  for (std::size_t c = 0; c < kAllCaches; ++c) all += of(static_cast<CacheIndex>(c));
  return all;
}

// Counters only grow, but for the start of a recording, which sets them to its objects.
double per_second(std::uint64_t before, std::uint64_t now, double seconds) {
  if (now < before || seconds <= 0) return 0;
  return static_cast<double>(now - before) / seconds;
}

LiveRates::Design rates(const LiveDesign& before, const LiveDesign& now, double seconds) {
  LiveRates::Design rates{.allocs = per_second(before.allocs(), now.allocs(), seconds),
                          .frees = per_second(before.frees(), now.frees(), seconds),
                          .root_locks = per_second(before.root_locks, now.root_locks, seconds)};
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    rates.allocs_of[c] = per_second(before.caches[c].allocs, now.caches[c].allocs, seconds);
    rates.frees_of[c] = per_second(before.caches[c].frees, now.caches[c].frees, seconds);
  }
  return rates;
}

}  // namespace

std::uint64_t LiveDesign::bytes() const {
  return sum([this](CacheIndex c) { return bytes(c); });
}
std::uint64_t LiveDesign::at_start_bytes() const {
  return sum([this](CacheIndex c) { return at_start_bytes(c); });
}
std::uint64_t LiveDesign::peak_bytes() const {
  return sum([this](CacheIndex c) { return peak.objs[c] * specs[c].objsize; });
}
std::uint64_t LiveDesign::allocs() const {
  return sum([this](CacheIndex c) { return caches[c].allocs; });
}
std::uint64_t LiveDesign::frees() const {
  return sum([this](CacheIndex c) { return caches[c].frees; });
}

LiveRates rates(const LiveSummary& before, const LiveSummary& now, double seconds) {
  const auto of = [&](OpKind kind) {
    return per_second(before.operations_of(kind), now.operations_of(kind), seconds);
  };
  LiveRates all{.events = per_second(before.events, now.events, seconds),
                .forks = of(OpKind::fork),
                .execs = of(OpKind::exec),
                .exits = of(OpKind::exit),
                .faults = of(OpKind::fault),
                .designs = {}};
  for (std::size_t d = 0; d < std::min(before.designs.size(), now.designs.size()); ++d)
    all.designs.push_back(rates(before.designs[d], now.designs[d], seconds));
  return all;
}

}  // namespace anonvma
