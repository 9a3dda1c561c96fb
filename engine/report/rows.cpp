#include "engine/report/rows.h"

#include <algorithm>

namespace anonvma {

namespace {

Amount amount(std::uint64_t objs, const CacheSpec& spec) { return {objs, objs * spec.objsize, {}}; }

CacheRow cache_row(const ReplayResult& result, std::size_t cache, std::uint64_t page_size) {
  CacheRow row;
  row.strategy = result.strategy;
  row.spec = result.specs.specs[cache];
  row.source = result.specs.sources[cache];
  row.use = result.caches[cache];
  row.at_start_objs = result.at_start_objs[cache];
  row.end = amount(row.use.active_objs, row.spec);
  row.own_peak = amount(row.use.peak_objs, row.spec);
  row.peak = amount(result.peak.slab.objs[cache], row.spec);
  if (result.at) row.at = amount(result.at->slab.objs[cache], row.spec);
  row.slab_bytes = min_slab_bytes(row.spec, row.use.peak_objs, page_size);
  return row;
}

bool is_used(const Comparison& comparison, std::size_t cache) {
  return cache < kNumCaches ||
         std::any_of(comparison.rows.begin(), comparison.rows.end(),
                     [&](const ReplayResult& row) { return row.caches[cache].allocs > 0; });
}

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

void add(Amount& sum, const Amount& part) {
  sum.objs += part.objs;
  sum.bytes += part.bytes;
  sum.remap_entries += part.remap_entries;
}

void add(std::optional<Amount>& sum, const std::optional<Amount>& part) {
  if (!part) return;
  if (!sum) sum.emplace();
  add(*sum, *part);
}

std::vector<SumRow> sum_rows(const Comparison& comparison, const std::vector<CacheBlock>& caches) {
  std::vector<SumRow> sums;
  for (std::size_t i = 0; i < comparison.rows.size(); ++i) {
    const ReplayResult& result = comparison.rows[i];
    SumRow& sum = sums.emplace_back();
    sum.strategy = result.strategy;
    sum.root_locks = result.root_locks;
    sum.end_s = seconds(result.end.slab.time_ns);
    sum.peak_s = seconds(result.peak.slab.time_ns);
    for (const CacheBlock& block : caches) {
      add(sum.end, block.rows[i].end);
      add(sum.peak, block.rows[i].peak);
      add(sum.at, block.rows[i].at);
      sum.slab_bytes += block.rows[i].slab_bytes;
    }
    sum.end.remap_entries = result.end.remap_entries;
    sum.peak.remap_entries = result.peak.remap_entries;
    if (sum.at && result.at) sum.at->remap_entries = result.at->remap_entries;
  }
  return sums;
}

void compare_with(Amount& amount, const Amount& base) {
  amount.change = change(amount.bytes, base.bytes);
}

void compare_with(std::vector<CacheRow>& cache, std::size_t baseline) {
  const CacheRow base = cache[baseline];
  for (CacheRow& row : cache) {
    compare_with(row.end, base.end);
    compare_with(row.own_peak, base.own_peak);
    compare_with(row.peak, base.peak);
    if (row.at && base.at) compare_with(*row.at, *base.at);
  }
  cache[baseline].baseline = true;
}

void compare_with(std::vector<SumRow>& sums, std::size_t baseline) {
  const SumRow base = sums[baseline];
  for (SumRow& row : sums) {
    compare_with(row.end, base.end);
    compare_with(row.peak, base.peak);
    if (row.at && base.at) compare_with(*row.at, *base.at);
    row.slab_change = change(row.slab_bytes, base.slab_bytes);
    row.root_locks_change = change(row.root_locks, base.root_locks);
  }
  sums[baseline].baseline = true;
}

void compare_with(Rows& all, std::size_t baseline) {
  for (CacheBlock& block : all.caches) compare_with(block.rows, baseline);
  compare_with(all.sums, baseline);
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

void add(CacheRow& sum, const CacheRow& part) {
  add(sum.end, part.end);
  add(sum.own_peak, part.own_peak);
  add(sum.peak, part.peak);
  add(sum.at, part.at);
  sum.use.active_objs += part.use.active_objs;
  sum.use.peak_objs += part.use.peak_objs;
  sum.use.allocs += part.use.allocs;
  sum.use.frees += part.use.frees;
  sum.at_start_objs += part.at_start_objs;
  sum.slab_bytes += part.slab_bytes;
}

void add(SumRow& sum, const SumRow& part) {
  add(sum.end, part.end);
  add(sum.peak, part.peak);
  add(sum.at, part.at);
  sum.slab_bytes += part.slab_bytes;
  sum.root_locks += part.root_locks;
}

// The block of `cache`. A missing block is made with the data of `like`.
CacheBlock& block_of(std::vector<CacheBlock>& blocks, const CacheBlock& like) {
  const auto place = std::lower_bound(
      blocks.begin(), blocks.end(), like.cache,
      [](const CacheBlock& block, CacheIndex cache) { return block.cache < cache; });
  if (place != blocks.end() && place->cache == like.cache) return *place;
  CacheBlock& made = *blocks.insert(place, {like.cache, like.name, {}});
  for (const CacheRow& row : like.rows) {
    CacheRow& fresh = made.rows.emplace_back();
    fresh.strategy = row.strategy;
    fresh.spec = row.spec;
    fresh.source = row.source;
  }
  return made;
}

}  // namespace

Change change(std::uint64_t value, std::uint64_t base) {
  if (value == base) return 0.0;
  if (base == 0) return std::nullopt;
  const auto from = static_cast<double>(base);
  return 100.0 * (static_cast<double>(value) - from) / from;
}

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
  for (std::size_t cache = 0; cache < kAllCaches; ++cache) {
    if (!is_used(comparison, cache)) continue;
    const auto index = static_cast<CacheIndex>(cache);
    CacheBlock& block = all.caches.emplace_back();
    block.cache = index;
    block.name = cache_name(index);
    for (const ReplayResult& result : comparison.rows)
      block.rows.push_back(cache_row(result, cache, comparison.trace.meta.page_size));
  }
  all.sums = sum_rows(comparison, all.caches);
  all.anomalies = anomaly_rows(comparison);
  const auto base =
      std::find_if(comparison.rows.begin(), comparison.rows.end(),
                   [&](const ReplayResult& row) { return row.strategy == comparison.baseline; });
  if (base != comparison.rows.end())
    compare_with(all, static_cast<std::size_t>(base - comparison.rows.begin()));
  return all;
}

Rows add_up(std::span<const Rows> all) {
  Rows total;
  std::size_t baseline = 0;
  for (const Rows& one : all) {
    for (const CacheBlock& block : one.caches) {
      CacheBlock& sum = block_of(total.caches, block);
      for (std::size_t i = 0; i < block.rows.size(); ++i) add(sum.rows[i], block.rows[i]);
    }
    total.sums.resize(one.sums.size());
    for (std::size_t i = 0; i < one.sums.size(); ++i) {
      total.sums[i].strategy = one.sums[i].strategy;
      if (one.sums[i].baseline) baseline = i;
      add(total.sums[i], one.sums[i]);
    }
  }
  if (!total.sums.empty()) compare_with(total, baseline);
  return total;
}

}  // namespace anonvma
