// The numbers of a table, worked out once from a Comparison. Renderers only print them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/replay/result.h"

namespace anonvma {

// Change against the baseline in per cent; none where the baseline has 0 and this row has not.
using Change = std::optional<double>;

struct CacheRow {
  std::string strategy;
  bool baseline = false;
  CacheUsage use;
  std::uint64_t at_start_objs = 0;
  std::uint64_t active_bytes = 0;  // objects times objsize
  std::uint64_t peak_bytes = 0;
  std::uint64_t slab_bytes = 0;  // see min_slab_bytes()
  Change active_change, peak_change;
};

struct CacheBlock {
  CacheSpec spec;
  bool assumed = false;  // the trace names no geometry: that of a 6.18 x86_64 kernel
  std::vector<CacheRow> rows;
};

// All caches together. The peaks of the caches need not fall into one moment: their sum is an upper
// bound of the peak of the sum.
struct SumRow {
  std::string strategy;
  bool baseline = false;
  std::uint64_t active_bytes = 0, peak_bytes = 0, slab_bytes = 0, root_locks = 0;
  Change active_change, peak_change, slab_change, root_locks_change;
};

// One kind of oddity, with its count in each row of the comparison.
struct AnomalyRow {
  AnomalyInfo info;
  std::vector<std::uint64_t> counts;
};

struct Rows {
  std::vector<CacheBlock> caches;
  std::vector<SumRow> sums;
  std::vector<AnomalyRow> anomalies;  // those met at least once in some row
};
Rows rows(const Comparison& comparison);

// Slabs that `peak_objs` need when objects are packed perfectly, in bytes: a lower bound, as the
// kernel keeps partial slabs per cpu and per node. 0 when the geometry is not known.
std::uint64_t min_slab_bytes(const CacheSpec& spec, std::uint64_t peak_objs,
                             std::uint64_t page_size);

// The worst kind of anomaly that was met; none when there was none.
std::optional<Severity> worst_severity(const Comparison& comparison);

}  // namespace anonvma
