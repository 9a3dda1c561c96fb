#include "engine/replay/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace anonvma {

namespace {

constexpr std::array<std::string_view, 4> kUsualRivals{"lazy-v1-noleak", "cow-context", "legacy",
                                                       "avc-3.0"};

void add(Selection& selection, const StrategyInfo* info) {
  auto& chosen = selection.strategies;
  if (info != nullptr && std::find(chosen.begin(), chosen.end(), info) == chosen.end())
    chosen.push_back(info);
}

bool add_group(Selection& selection, std::string_view group, std::string_view own) {
  if (group == "default") {
    add(selection, find_strategy(own));
    for (const std::string_view name : kUsualRivals) add(selection, find_strategy(name));
    return true;
  }
  if (group != "all" && group != "mainline") return false;
  for (const StrategyInfo& s : strategies())
    if (group == "all" || !s.kernels.starts_with("proposal")) add(selection, &s);
  return true;
}

Error unknown(std::string_view name) {
  std::string message = fmt::format("unknown strategy '{}'; known are", name);
  for (const StrategyInfo& s : strategies()) message += fmt::format(" {}", s.name);
  return {ErrorCode::usage, message + ", and the groups all mainline default"};
}

}  // namespace

Result<Selection> select_strategies(std::string_view list, std::string_view baseline,
                                    std::string_view own) {
  Selection selection;
  for (std::string_view rest = list;;) {
    const std::string_view name = rest.substr(0, rest.find(','));
    if (!add_group(selection, name, own)) {
      const StrategyInfo* info = find_strategy(name);
      if (info == nullptr) return unknown(name);
      add(selection, info);
    }
    if (name.size() == rest.size()) break;
    rest.remove_prefix(name.size() + 1);
  }

  const StrategyInfo* base = find_strategy(baseline.empty() ? own : baseline);
  if (base == nullptr && !baseline.empty()) return unknown(baseline);
  auto& chosen = selection.strategies;
  if (base == nullptr && !chosen.empty()) base = chosen.front();
  if (base == nullptr) return Error{ErrorCode::usage, "the list of strategies is empty"};
  if (std::find(chosen.begin(), chosen.end(), base) == chosen.end())
    chosen.insert(chosen.begin(), base);
  selection.baseline = base->name;
  return selection;
}

}  // namespace anonvma
