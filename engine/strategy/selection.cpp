#include "engine/strategy/selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "engine/nearest.h"

namespace anonvma {

namespace {

constexpr std::array<std::string_view, 4> kUsualRivals{"lazy-v1-noleak", "cow-context", "legacy",
                                                       "avc-3.0"};

void add(std::vector<StrategyChoice>& chosen, const StrategyChoice& choice) {
  if (std::find(chosen.begin(), chosen.end(), choice) == chosen.end()) chosen.push_back(choice);
}

void add_named(std::vector<StrategyChoice>& chosen, std::string_view name) {
  if (const StrategyInfo* info = find_strategy(name)) add(chosen, *info);
}

bool add_group(std::vector<StrategyChoice>& chosen, std::string_view group, std::string_view own) {
  if (group == "default") {
    add_named(chosen, own);
    for (const std::string_view name : kUsualRivals) add_named(chosen, name);
    return true;
  }
  if (group != "all" && group != "mainline") return false;
  for (const StrategyInfo& s : strategies())
    if (group == "all" || s.status == StrategyStatus::mainline) add(chosen, s);
  return true;
}

Error usage(std::string message) { return {ErrorCode::usage, std::move(message)}; }

std::string known_names() {
  std::string names;
  for (const StrategyInfo& s : strategies()) names += fmt::format(" {}", s.name);
  return names;
}

Error unknown(std::string_view name) {
  std::vector<std::string_view> words{"all", "mainline", "default"};
  for (const StrategyInfo& s : strategies()) words.push_back(s.name);
  return usage(
      fmt::format("unknown strategy '{}'{}; known are{}, and the groups all mainline default", name,
                  did_you_mean(name, words), known_names()));
}

// Takes "key=value" into `parameters`; a default is left out, so that equal choices are equal.
Status set_parameter(const StrategyInfo& info, std::string_view word, Parameters& parameters) {
  const std::size_t equals = std::min(word.find('='), word.size());
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = equals < word.size() ? word.substr(equals + 1) : "";
  const std::span<const Parameter> known = info.page().parameters;
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const Parameter& p) { return p.key == key; });
  if (found == known.end()) {
    std::vector<std::string_view> keys;
    for (const Parameter& p : known) keys.push_back(p.key);
    return known.empty()
               ? usage(fmt::format("strategy {} has no parameters, so no '{}'", info.name, key))
               : usage(fmt::format("strategy {} has no parameter '{}'{}; it has {}", info.name, key,
                                   did_you_mean(key, keys), fmt::join(keys, " ")));
  }
  if (std::find(found->values.begin(), found->values.end(), value) == found->values.end())
    return usage(fmt::format("'{}' is no value of {} of strategy {}{}; there are {}", value, key,
                             info.name, did_you_mean(value, found->values),
                             fmt::join(found->values, " ")));
  std::erase_if(parameters, [&](const auto& p) { return p.first == key; });
  if (value != found->values.front()) parameters.emplace_back(key, value);
  std::sort(parameters.begin(), parameters.end());
  return ok();
}

// One word that begins a strategy, "lazy-v1" or "lazy-v1:merge=base".
Result<StrategyChoice> begin_choice(std::string_view word) {
  const std::size_t colon = std::min(word.find(':'), word.size());
  const StrategyInfo* info = find_strategy(word.substr(0, colon));
  if (info == nullptr) return unknown(word.substr(0, colon));
  StrategyChoice choice(*info);
  if (colon < word.size())
    if (const Status set = set_parameter(*info, word.substr(colon + 1), choice.parameters); !set)
      return set.error();
  return choice;
}

Result<std::vector<StrategyChoice>> parse(std::string_view list, std::string_view own) {
  std::vector<StrategyChoice> chosen;
  std::optional<StrategyChoice> current;
  for (std::string_view rest = list;;) {
    const std::string_view word = rest.substr(0, rest.find(','));
    if (word.find('=') != word.npos && word.find(':') == word.npos) {
      if (!current)
        return usage(fmt::format("'{}' belongs to no strategy; write NAME:{}", word, word));
      if (const Status set = set_parameter(*current->info, word, current->parameters); !set)
        return set.error();
    } else {
      if (current) add(chosen, *current);
      current.reset();
      if (!add_group(chosen, word, own)) {
        Result<StrategyChoice> begun = begin_choice(word);
        if (!begun) return begun.error();
        current = *begun;
      }
    }
    if (word.size() == rest.size()) break;
    rest.remove_prefix(word.size() + 1);
  }
  if (current) add(chosen, *current);
  return chosen;
}

}  // namespace

Result<Selection> select_strategies(std::string_view list, std::string_view baseline,
                                    std::string_view own) {
  Result<std::vector<StrategyChoice>> chosen = parse(list, own);
  if (!chosen) return chosen.error();
  Selection selection{std::move(*chosen), {}};
  auto& all = selection.strategies;

  std::optional<StrategyChoice> base;
  if (!baseline.empty()) {
    Result<std::vector<StrategyChoice>> named = parse(baseline, "");
    if (!named) return named.error();
    if (named->size() != 1)
      return usage(fmt::format("'{}' is not one strategy; known are{}", baseline, known_names()));
    base = named->front();
  } else if (const StrategyInfo* info = find_strategy(own)) {
    base = *info;
  } else if (!all.empty()) {
    base = all.front();
  }
  if (!base) return usage("the list of strategies is empty");
  if (std::find(all.begin(), all.end(), *base) == all.end()) all.insert(all.begin(), *base);
  selection.baseline = base->name();
  return selection;
}

}  // namespace anonvma
