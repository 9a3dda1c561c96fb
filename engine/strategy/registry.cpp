#include "engine/strategy/registry.h"

namespace anonvma {

#define STRATEGY(id, name, status, kernels, era, summary)                \
  std::unique_ptr<Strategy> make_##id(SlabAccount& slab, Layout& layout, \
                                      const Parameters& parameters);     \
  const StrategyPage& page_##id();
#include "engine/strategy/strategies.def"
#undef STRATEGY

namespace {
constexpr StrategyInfo kStrategies[] = {
#define STRATEGY(id, name, status, kernels, era, summary) \
  {name, summary, StrategyStatus::status, kernels, era, make_##id, page_##id},
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

std::string StrategyChoice::name() const {
  std::string text(info->name);
  char before = ':';
  for (const auto& [key, value] : parameters) {
    text += before;
    text += key;
    text += '=';
    text += value;
    before = ',';
  }
  return text;
}

std::string StrategyChoice::basis() const {
  const StrategyPage& page = info->page();
  std::string text(page.basis);
  for (const Parameter& known : page.parameters) {
    text += text.empty() ? "" : ", ";
    text += known.key;
    text += '=';
    text += parameter(parameters, page, known.key);
  }
  return text;
}

std::string_view parameter(const Parameters& chosen, const StrategyPage& page,
                           std::string_view key) {
  for (const auto& [name, value] : chosen)
    if (name == key) return value;
  for (const Parameter& known : page.parameters)
    if (known.key == key) return known.values.front();
  return {};
}

}  // namespace anonvma
