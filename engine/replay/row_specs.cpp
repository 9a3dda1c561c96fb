#include "engine/replay/row_specs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "engine/nearest.h"
#include "engine/slab/geometry.h"
#include "engine/strategy/own.h"

namespace anonvma {
namespace {

constexpr std::uint32_t kMinObjsize = 8, kMaxObjsize = 65536;

Error usage(std::string message) { return {ErrorCode::usage, std::move(message)}; }

void take_era(RowSpecs& row, std::string_view era) {
  const EraSizes* sizes = era_sizes(era);
  if (sizes == nullptr) return;
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    if (sizes->objsizes[c] == 0) continue;
    row.specs[c].objsize = sizes->objsizes[c];
    row.sources[c] = SpecSource::table;
  }
}

}  // namespace

RowSpecs row_specs(const Meta& meta, const StrategyInfo& strategy, const ReplayOptions& options) {
  RowSpecs row{default_cache_specs(), {}};
  row.sources.fill(SpecSource::table);
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    const bool known = meta.caches[c].objsize != 0;
    row.sources[c] = known ? SpecSource::trace : SpecSource::assumed;
    if (known) row.specs[c] = meta.caches[c];
  }
  if (options.era_accurate && strategy.name != own_strategy(meta)) take_era(row, strategy.era);
  for (const auto& [cache, objsize] : options.objsizes) {
    row.specs[cache].objsize = objsize;
    row.sources[cache] = SpecSource::option;
  }
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    CacheSpec& spec = row.specs[c];
    // A merged cache may carry another cache's name in sysfs.
    spec.name = cache_name(static_cast<CacheIndex>(c));
    const bool placed = spec.objperslab != 0 && spec.pagesperslab != 0;
    if (row.sources[c] == SpecSource::trace && placed) continue;
    const Placement placement = slub_placement(spec.objsize, meta.page_size, meta.cpus);
    spec.objperslab = placement.objperslab;
    spec.pagesperslab = placement.pagesperslab;
  }
  return row;
}

Result<std::pair<CacheIndex, std::uint32_t>> parse_objsize(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos)
    return usage(fmt::format("'{}' is no object size; write CACHE=BYTES", text));
  const std::string_view name = text.substr(0, equals), bytes = text.substr(equals + 1);
  std::size_t cache = 0;
  while (cache < kAllCaches && cache_name(static_cast<CacheIndex>(cache)) != name) ++cache;
  if (cache == kAllCaches) {
    std::vector<std::string_view> names;
    for (std::size_t c = 0; c < kAllCaches; ++c)
      names.push_back(cache_name(static_cast<CacheIndex>(c)));
    return usage(fmt::format("unknown cache '{}'{}; known are {}", name, did_you_mean(name, names),
                             fmt::join(names, " ")));
  }
  std::uint32_t objsize = 0;
  const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), objsize);
  if (error != std::errc{} || end != bytes.data() + bytes.size() || objsize < kMinObjsize ||
      objsize > kMaxObjsize)
    return usage(fmt::format("'{}' is no object size of {}; it is a number of bytes from {} to {}",
                             bytes, name, kMinObjsize, kMaxObjsize));
  return std::pair{static_cast<CacheIndex>(cache), objsize};
}

}  // namespace anonvma
