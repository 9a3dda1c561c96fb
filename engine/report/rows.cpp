#include "engine/report/rows.h"

#include <algorithm>

namespace anonvma {

namespace {

Change change(std::uint64_t value, std::uint64_t base) {
  if (value == base) return 0.0;
  if (base == 0) return std::nullopt;
  const auto from = static_cast<double>(base);
  return 100.0 * (static_cast<double>(value) - from) / from;
}

CacheRow cache_row(const ReplayResult& result, std::size_t cache, const CacheSpec& spec,
                   std::uint64_t page_size) {
  CacheRow row;
  row.strategy = result.strategy;
  row.use = result.caches[cache];
  row.at_start_objs = result.at_start_objs[cache];
  row.active_bytes = row.use.active_objs * spec.objsize;
  row.peak_bytes = row.use.peak_objs * spec.objsize;
  row.slab_bytes = min_slab_bytes(spec, row.use.peak_objs, page_size);
  return row;
}

CacheBlock cache_block(const Comparison& comparison, std::size_t cache) {
  const Meta& meta = comparison.trace.meta;
  CacheBlock block;
  block.spec = meta.caches[cache];
  block.assumed = block.spec.objsize == 0;
  if (block.assumed) block.spec = default_cache_specs()[cache];
  // A merged cache may carry another cache's name in sysfs.
  block.spec.name = cache_name(static_cast<CacheIndex>(cache));
  for (const ReplayResult& result : comparison.rows)
    block.rows.push_back(cache_row(result, cache, block.spec, meta.page_size));
  return block;
}

std::vector<SumRow> sum_rows(const Comparison& comparison, const std::vector<CacheBlock>& caches) {
  std::vector<SumRow> sums;
  for (std::size_t i = 0; i < comparison.rows.size(); ++i) {
    SumRow& sum = sums.emplace_back();
    sum.strategy = comparison.rows[i].strategy;
    sum.root_locks = comparison.rows[i].root_locks;
    for (const CacheBlock& block : caches) {
      sum.active_bytes += block.rows[i].active_bytes;
      sum.peak_bytes += block.rows[i].peak_bytes;
      sum.slab_bytes += block.rows[i].slab_bytes;
    }
  }
  return sums;
}

void compare_with(std::vector<CacheRow>& cache, std::size_t baseline) {
  const CacheRow base = cache[baseline];
  for (CacheRow& row : cache) {
    row.active_change = change(row.active_bytes, base.active_bytes);
    row.peak_change = change(row.peak_bytes, base.peak_bytes);
  }
  cache[baseline].baseline = true;
}

void compare_with(std::vector<SumRow>& sums, std::size_t baseline) {
  const SumRow base = sums[baseline];
  for (SumRow& row : sums) {
    row.active_change = change(row.active_bytes, base.active_bytes);
    row.peak_change = change(row.peak_bytes, base.peak_bytes);
    row.slab_change = change(row.slab_bytes, base.slab_bytes);
    row.root_locks_change = change(row.root_locks, base.root_locks);
  }
  sums[baseline].baseline = true;
}

std::vector<AnomalyRow> anomaly_rows(const Comparison& comparison) {
  std::vector<AnomalyRow> found;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Anomaly::count); ++i) {
    AnomalyRow row{anomaly_info(static_cast<Anomaly>(i)), {}};
    for (const ReplayResult& result : comparison.rows)
      row.counts.push_back(result.anomalies.counts[i]);
    if (std::any_of(row.counts.begin(), row.counts.end(), [](auto n) { return n != 0; }))
      found.push_back(std::move(row));
  }
  return found;
}

}  // namespace

std::uint64_t min_slab_bytes(const CacheSpec& spec, std::uint64_t peak_objs,
                             std::uint64_t page_size) {
  if (spec.objperslab == 0) return 0;
  const std::uint64_t slabs =
      peak_objs / spec.objperslab + (peak_objs % spec.objperslab == 0 ? 0 : 1);
  return slabs * spec.pagesperslab * page_size;
}

std::optional<Severity> worst_severity(const Comparison& comparison) {
  std::optional<Severity> worst;
  for (const AnomalyRow& row : anomaly_rows(comparison))
    worst = std::max(worst.value_or(Severity::info), row.info.severity);
  return worst;
}

Rows rows(const Comparison& comparison) {
  Rows all;
  for (std::size_t cache = 0; cache < kNumCaches; ++cache)
    all.caches.push_back(cache_block(comparison, cache));
  all.sums = sum_rows(comparison, all.caches);
  all.anomalies = anomaly_rows(comparison);

  const auto base =
      std::find_if(comparison.rows.begin(), comparison.rows.end(),
                   [&](const ReplayResult& row) { return row.strategy == comparison.baseline; });
  if (base != comparison.rows.end()) {
    const auto index = static_cast<std::size_t>(base - comparison.rows.begin());
    for (CacheBlock& block : all.caches) compare_with(block.rows, index);
    compare_with(all.sums, index);
  }
  return all;
}

}  // namespace anonvma
