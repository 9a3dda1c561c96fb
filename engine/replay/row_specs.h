// The geometry of the caches in one row of a comparison.
#pragma once

#include <string_view>
#include <utility>

#include "engine/replay/replay.h"
#include "engine/replay/result.h"

namespace anonvma {

// The recording kernel's caches are as in its sysfs. Other caches, and with `era_accurate` those of
// the strategy's own era, are from the table of engine/slab. Options win. A slab layout that the
// trace does not give is computed as SLUB would on that machine. A cache that an era does not have
// stays as recorded: nothing is ever allocated from it.
RowSpecs row_specs(const Meta& meta, const StrategyInfo& strategy, const ReplayOptions& options);

// "anon_vma=128", as ReplayOptions::objsizes holds it: a cache and its slot size, 8 to 65536 bytes.
Result<std::pair<CacheIndex, std::uint32_t>> parse_objsize(std::string_view text);

}  // namespace anonvma
