// The state of a recording that goes on, as values: the objects of each design now, and what came
// since the summary before.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/slab/slab_account.h"

namespace anonvma {

// One design now.
struct LiveDesign {
  std::string name;  // with its parameters
  bool own = false;  // the design that this kernel runs
  // The objects of the start are not those that the design itself would have made.
  bool approximate = false;
  CacheSpecs specs;
  std::array<CacheUsage, kAllCaches> caches{};
  std::array<std::uint64_t, kAllCaches> at_start_objs{};
  SlabMoment peak{};  // when the sum of all bytes peaked
  std::uint64_t root_locks = 0;

  std::uint64_t bytes(CacheIndex cache) const {
    return caches[cache].active_objs * specs[cache].objsize;
  }
  std::uint64_t at_start_bytes(CacheIndex cache) const {
    return at_start_objs[cache] * specs[cache].objsize;
  }
  // Most designs use no cache of a proposal.
  bool uses(std::size_t cache) const { return cache < kNumCaches || caches[cache].allocs > 0; }
  // Sums of all caches.
  std::uint64_t bytes() const;
  std::uint64_t at_start_bytes() const;
  std::uint64_t peak_bytes() const;
  std::uint64_t allocs() const;
  std::uint64_t frees() const;
  friend bool operator==(const LiveDesign&, const LiveDesign&) = default;
};

// The comparison of the kernel's own design with the kernel, since the start.
struct LiveVerified {
  bool possible = false;  // the design of this kernel is known
  std::uint64_t map_counts = 0, map_counts_differ = 0;
  std::uint64_t vmas = 0, vmas_differ = 0;  // in snapshots and walks
  std::uint64_t chain_entries = 0, chain_entries_differ = 0;
  std::uint64_t differ() const { return map_counts_differ + vmas_differ + chain_entries_differ; }
  friend bool operator==(const LiveVerified&, const LiveVerified&) = default;
};

struct LiveSummary {
  std::uint64_t events = 0;
  std::uint64_t time_ns = 0;                            // of the newest event
  std::array<std::uint64_t, kNumOpKinds> operations{};  // by OpKind
  std::uint64_t mms = 0;                                // alive
  std::uint64_t lost = 0;                               // records
  std::uint64_t tainted = 0;                            // live mms that are uncertain after a loss
  LiveVerified verified;
  std::vector<LiveDesign> designs;  // in the order asked for

  std::uint64_t operations_of(OpKind kind) const {
    return operations[static_cast<std::size_t>(kind)];
  }
  friend bool operator==(const LiveSummary&, const LiveSummary&) = default;
};

// The events and objects that came between two summaries, for each second.
struct LiveRates {
  struct Design {
    double allocs = 0, frees = 0, root_locks = 0;
    std::array<double, kAllCaches> allocs_of{}, frees_of{};
  };
  double events = 0, forks = 0, execs = 0, exits = 0, faults = 0;
  std::vector<Design> designs;  // empty: there was no summary before
  Design of(std::size_t design) const {
    return design < designs.size() ? designs[design] : Design{};
  }
};
LiveRates rates(const LiveSummary& before, const LiveSummary& now, double seconds);

}  // namespace anonvma
