#include "engine/replay/geometry.h"

namespace anonvma {

RowSpecs row_specs(const Meta& meta, const StrategyInfo& strategy, const ReplayOptions& options) {
  (void)strategy;
  RowSpecs row{default_cache_specs(), {}};
  row.sources.fill(SpecSource::table);
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    const bool known = meta.caches[c].objsize != 0;
    row.sources[c] = known ? SpecSource::trace : SpecSource::assumed;
    if (known) row.specs[c] = meta.caches[c];
    // A merged cache may carry another cache's name in sysfs.
    row.specs[c].name = cache_name(static_cast<CacheIndex>(c));
  }
  for (const auto& [cache, objsize] : options.objsizes) {
    row.specs[cache].objsize = objsize;
    row.sources[cache] = SpecSource::option;
  }
  return row;
}

}  // namespace anonvma
