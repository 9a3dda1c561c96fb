#include "engine/strategy/own.h"

#include <algorithm>
#include <span>

#include "engine/strategy/registry.h"

namespace anonvma {
namespace {

// Registered designs are in the order of their kernels, so the newest that fits is the kernel's.
const StrategyInfo* own_info(const KernelFacts& kernel) {
  const std::span<const StrategyInfo> all = strategies();
  const auto newest = std::find_if(all.rbegin(), all.rend(), [&kernel](const StrategyInfo& s) {
    const auto runs_in = s.page().runs_in;
    return runs_in != nullptr && runs_in(kernel);
  });
  return newest != all.rend() ? &*newest : nullptr;
}

}  // namespace

std::string_view own_strategy(const KernelFacts& kernel) {
  const StrategyInfo* const own = own_info(kernel);
  return own != nullptr ? own->name : std::string_view();
}

Counters own_counters(const KernelFacts& kernel) {
  const StrategyInfo* const own = own_info(kernel);
  return own != nullptr ? own->page().counters : Counters::none;
}

}  // namespace anonvma
