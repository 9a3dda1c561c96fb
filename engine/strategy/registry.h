// The registered strategies, and the choice of one with its parameters.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/strategy/page.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

enum class StrategyStatus : std::uint8_t {
  mainline,  // kernels have it, or a release candidate had
  proposal,  // there is code that was never merged
  idea,      // nobody wrote it for a kernel
};

struct StrategyInfo {
  std::string_view name;     // on the command line and in reports
  std::string_view summary;  // one line
  StrategyStatus status;
  std::string_view kernels;  // releases that have it, or its origin; for people
  // Name of the KernelRules it belongs to under --era-accurate; empty: those of the recorder.
  std::string_view era;
  std::unique_ptr<Strategy> (*make)(SlabAccount&, Layout&, const Parameters&);
  const StrategyPage& (*page)();
};

// Registered strategies, in the order of strategies.def.
std::span<const StrategyInfo> strategies();
// nullptr when there is none of that name.
const StrategyInfo* find_strategy(std::string_view name);

// A strategy with its parameters chosen.
struct StrategyChoice {
  StrategyChoice(const StrategyInfo& strategy, Parameters chosen = {})
      : info(&strategy), parameters(std::move(chosen)) {}
  const StrategyInfo* info;
  Parameters parameters;
  std::string name() const;  // "lazy-v1:merge=base": the parameters that differ from the defaults
  // The line below a table: the basis of the page, and all parameters with their values.
  std::string basis() const;
  std::unique_ptr<Strategy> make(SlabAccount& slab, Layout& layout) const {
    return info->make(slab, layout, parameters);
  }
  friend bool operator==(const StrategyChoice&, const StrategyChoice&) = default;
};

}  // namespace anonvma
