#include "engine/look/standing.h"

#include <algorithm>

#include "engine/replay/replay.h"
#include "engine/replay/row_specs.h"
#include "engine/replay/run.h"
#include "engine/strategy/own.h"

namespace anonvma {
namespace {

Role role_of(const Meta& meta, const StrategyChoice& strategy) {
  return strategy.info->name == own_strategy(meta) ? Role::own : Role::rival;
}

}  // namespace

Standing::Standing(const Meta& meta, const StrategyChoice& strategy, const Budget& budget)
    : strategy_(strategy.name()),
      specs_(row_specs(meta, *strategy.info, {}).specs),
      budget_(budget),
      slab_(specs_),
      spaces_(rules_for(meta), meta.page_size, strategy, slab_,
              setting_for(meta, *strategy.info, role_of(meta, strategy))),
      driver_(spaces_, slab_) {
  slab_.limit(budget);
}

Status Standing::replay(TraceReader& reader, std::uint64_t events) {
  for (std::uint64_t index = 0; index < events;) {
    const auto batch = reader.next();
    if (!batch || batch->empty()) break;
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(batch->size(), events - index));
    for (const Event& event : batch->first(wanted)) {
      driver_.apply(event, index++);
      if (slab_.over_budget()) return over_budget_at(index - 1, strategy_, budget_, reader.bytes());
    }
  }
  driver_.finish();
  return ok();
}

}  // namespace anonvma
