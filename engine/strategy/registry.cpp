#include <array>

#include "engine/strategy/strategy.h"

namespace anonvma {

#define STRATEGY(id, name, kernels, summary)                              \
  std::unique_ptr<Strategy> make_##id(SlabAccount& slab, Layout& layout); \
  const StrategyPage& page_##id();
#include "engine/strategy/strategies.def"
#undef STRATEGY

namespace {
constexpr StrategyInfo kStrategies[] = {
#define STRATEGY(id, name, kernels, summary) {name, summary, kernels, make_##id, page_##id},
#include "engine/strategy/strategies.def"
#undef STRATEGY
};
}  // namespace

std::span<const StrategyInfo> strategies() { return kStrategies; }

const StrategyInfo* find_strategy(std::string_view name) {
  for (const StrategyInfo& s : kStrategies)
    if (s.name == name) return &s;
  return nullptr;
}

}  // namespace anonvma
