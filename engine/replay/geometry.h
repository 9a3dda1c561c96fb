// The geometry of the caches in one row of a comparison.
#pragma once

#include "engine/replay/replay.h"
#include "engine/replay/result.h"

namespace anonvma {

// The recording kernel's caches as its sysfs had them, others and (with `era_accurate`) those of
// the strategy's own era from the table of engine/slab; options win.
RowSpecs row_specs(const Meta& meta, const StrategyInfo& strategy, const ReplayOptions& options);

}  // namespace anonvma
