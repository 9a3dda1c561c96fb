#include "engine/vma/kernel_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/nearest.h"
#include "engine/release.h"
#include "engine/trace/meta.h"
#include "engine/vma/rule_table.h"

namespace anonvma {
namespace {

// The oldest kernel that can record. Its rules also stand in for unknown rules of older kernels.
constexpr std::string_view kOldestRecorder = "5.10";

// A note for the sets of some releases about rules that they take from 5.10.
struct Assumption {
  std::string_view text;
  RuleInterval interval;
};
constexpr Assumption kAssumptions[] = {
#define ASSUMED(text, ...) {text, __VA_ARGS__},
#include "engine/vma/rules.def"
};

// The names of all sets.
std::vector<std::string_view> boundaries() {
  std::vector<std::string_view> all = {
#define SET(release) release,
#include "engine/vma/rules.def"
  };
  const auto add = [&all](const RuleInterval& interval) {
    for (const std::string_view end : {interval.since, interval.until})
      if (!end.empty()) all.push_back(end);
  };
  for (const RuleInfo& rule : rule_table())
    for (const RuleInterval& interval : rule.intervals) add(interval);
  for (const Assumption& assumption : kAssumptions) add(assumption.interval);
  std::sort(all.begin(), all.end(),
            [](auto a, auto b) { return parse_release(a) < parse_release(b); });
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

KernelRules rules_at(std::string_view name) {
  const Release release = parse_release(name).value_or(Release{});
  KernelRules rules;
  rules.name = name;
  for (const RuleInfo& rule : rule_table())
    if (rule.holds(release)) rule.set(rules, true);
  for (const auto& [text, interval] : kAssumptions)
    if (interval.contains(release)) rules.assumed = text;
  return rules;
}

std::vector<KernelRules> build() {
  std::vector<KernelRules> all;
  for (const std::string_view name : boundaries()) all.push_back(rules_at(name));
  return all;
}

}  // namespace

const std::vector<KernelRules>& known_rules() {
  static const std::vector<KernelRules> rules = build();
  return rules;
}

const KernelRules* find_rules(std::string_view name) {
  const KernelRules* newest = nullptr;
  for (const KernelRules& rules : known_rules()) {
    if (rules.name == name) return &rules;
    const bool within =
        name.find('.') != name.npos && rules.name.starts_with(std::string(name) + '.');
    if (within) newest = &rules;
  }
  return newest;
}

Result<KernelRules> rules_named(std::string_view name) {
  if (const KernelRules* rules = find_rules(name)) return *rules;
  std::vector<std::string_view> names;
  for (const KernelRules& rules : known_rules()) names.push_back(rules.name);
  std::string message =
      fmt::format("unknown rules '{}'{}; known are", name, did_you_mean(name, names));
  for (const KernelRules& rules : known_rules()) message += " " + rules.name;
  return Error{ErrorCode::usage, message};
}

KernelRules rules_for_release(std::string_view release) {
  const std::optional<Release> asked = parse_release(release);
  if (!asked) return *find_rules(kOldestRecorder);
  const KernelRules* best = &known_rules().front();
  for (const KernelRules& rules : known_rules())
    if (parse_release(rules.name) <= asked) best = &rules;
  return *best;
}

bool override_rule(KernelRules& rules, std::string_view behaviour, bool value) {
  const RuleInfo* rule = find_rule(behaviour);
  if (rule == nullptr || rule->probe == RuleProbe::none || rule->get(rules) == value) return false;
  rule->set(rules, value);
  return true;
}

std::string unlike_release(const Meta& meta) {
  KernelRules rules = rules_for_release(meta.release);
  std::string unlike;
  for (const auto& [name, value] : meta.behaviours) {
    if (!override_rule(rules, name, value)) continue;
    if (!unlike.empty()) unlike += ',';
    unlike += name + (value ? "=1" : "=0");
  }
  return unlike;
}

KernelRules rules_for(const Meta& meta) {
  KernelRules rules = rules_for_release(meta.release);
  for (const auto& [name, value] : meta.behaviours) override_rule(rules, name, value);
  if (const std::string unlike = unlike_release(meta); !unlike.empty())
    rules.name += "+probe(" + unlike + ")";
  return rules;
}

}  // namespace anonvma
