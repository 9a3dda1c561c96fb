// The numbers of a table, computed once from a Comparison. Renderers only print them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/replay/result.h"

namespace anonvma {

// Change against the baseline in per cent; none where the baseline has 0 and this row has not.
using Change = std::optional<double>;

struct Amount {
  std::uint64_t objs = 0;
  std::uint64_t bytes = 0;  // objects times objsize
  Change change;            // of the bytes
  // Words inside other objects, so not in `bytes`; only set in sums.
  std::uint64_t remap_entries = 0;
};

struct CacheRow {
  std::string strategy;
  bool baseline = false;
  CacheSpec spec;
  SpecSource source = SpecSource::trace;
  CacheUsage use;
  std::uint64_t at_start_objs = 0;
  Amount end;
  Amount own_peak;               // the peak of this cache alone
  Amount peak;                   // when all caches together held most
  std::optional<Amount> at;      // at the time given by --at
  std::uint64_t slab_bytes = 0;  // at its own peak, see min_slab_bytes()
  // Most designs use no cache of a proposal.
  bool shown(CacheIndex cache) const { return cache < kNumCaches || use.allocs > 0; }
};

struct CacheBlock {
  CacheIndex cache = kVmAreaStruct;
  std::string name;
  std::vector<CacheRow> rows;
};

// All caches together; `objs` are of different sizes.
struct SumRow {
  std::string strategy;
  bool baseline = false;
  Amount end, peak;
  std::optional<Amount> at;
  double end_s = 0, peak_s = 0;  // seconds since the first event
  std::uint64_t slab_bytes = 0;  // the slabs of the caches' own peaks: a lower bound
  std::uint64_t root_locks = 0;
  Change slab_change, root_locks_change;
};

// One kind of anomaly, with its count in each row of the comparison.
struct AnomalyRow {
  AnomalyInfo info;
  std::vector<std::uint64_t> counts;
};

struct Rows {
  std::vector<CacheBlock> caches;  // the three of released kernels, and others that have objects
  std::vector<SumRow> sums;
  std::vector<AnomalyRow> anomalies;  // those with a count in some row
};
Rows rows(const Comparison& comparison);

// The rows of several traces added up; all have the same strategies. Peaks need not coincide: their
// sum is the number of objects that the traces would hold if they did.
Rows add_up(std::span<const Rows> all);
inline constexpr std::string_view kSumOfPeaks =
    "Peaks are those of each trace, added up: they need not coincide.";

// Slabs that `peak_objs` need when objects are packed perfectly, in bytes: a lower bound, as the
// kernel keeps partial slabs per cpu and per node. 0 when the geometry is not known.
std::uint64_t min_slab_bytes(const CacheSpec& spec, std::uint64_t peak_objs,
                             std::uint64_t page_size);

// The change from `base` to `value`.
Change change(std::uint64_t value, std::uint64_t base);

// The worst severity of all anomalies with a count; none if there is no anomaly.
std::optional<Severity> worst_severity(const Comparison& comparison);

}  // namespace anonvma
