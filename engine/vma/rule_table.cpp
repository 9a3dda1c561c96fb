#include "engine/vma/rule_table.h"

#include <algorithm>

namespace anonvma {
namespace {

template <bool KernelRules::*kField>
bool get_field(const KernelRules& rules) {
  return rules.*kField;
}
template <bool KernelRules::*kField>
void set_field(KernelRules& rules, bool value) {
  rules.*kField = value;
}

template <std::uint64_t kFlag>
bool get_flag(const KernelRules& rules) {
  return (rules.sticky & kFlag) != 0;
}
template <std::uint64_t kFlag>
void set_flag(KernelRules& rules, bool value) {
  rules.sticky = value ? rules.sticky | kFlag : rules.sticky & ~kFlag;
}

template <auto kMember, auto kValue>
bool get_value(const KernelRules& rules) {
  return rules.*kMember == kValue;
}
// A value ends where another row's begins, so `false` changes nothing.
template <auto kMember, auto kValue>
void set_value(KernelRules& rules, bool value) {
  if (value) rules.*kMember = kValue;
}

}  // namespace

bool RuleInterval::contains(const Release& release) const {
  const auto begin = parse_release(since), end = parse_release(until);
  return (!begin || *begin <= release) && (!end || release < *end);
}

bool RuleInfo::holds(const Release& release) const {
  return std::any_of(intervals.begin(), intervals.end(),
                     [&](const RuleInterval& interval) { return interval.contains(release); });
}

std::span<const RuleInfo> rule_table() {
#define FIELD(name) get_field<&KernelRules::name>, set_field<&KernelRules::name>
#define MEMBER(member, value) \
  get_value<&KernelRules::member, value>, set_value<&KernelRules::member, value>
  static const std::vector<RuleInfo> table = {
#define RULE(name, commit, subject, differs, ...) \
  {#name, differs, commit, subject, {__VA_ARGS__}, RuleProbe::experiment, "", FIELD(name)},
#define RULE_FLAG(name, flag, commit, subject, differs, ...)                            \
  {#name, differs,        commit,        subject, {__VA_ARGS__}, RuleProbe::experiment, \
   "",    get_flag<flag>, set_flag<flag>},
#define RULE_BY_FUNCTION(name, symbol, commit, subject, differs, ...) \
  {#name, differs, commit, subject, {__VA_ARGS__}, RuleProbe::function, symbol, FIELD(name)},
#define RULE_UNPROBED(name, why, commit, subject, differs, ...) \
  {#name, differs, commit, subject, {__VA_ARGS__}, RuleProbe::none, why, FIELD(name)},
#define RULE_VALUE(name, member, value, why, commit, subject, differs, ...) \
  {name, differs, commit, subject, {__VA_ARGS__}, RuleProbe::none, why, MEMBER(member, value)},
#include "engine/vma/rules.def"
  };
#undef FIELD
#undef MEMBER
  return table;
}

const RuleInfo* find_rule(std::string_view name) {
  for (const RuleInfo& rule : rule_table())
    if (rule.name == name) return &rule;
  return nullptr;
}

}  // namespace anonvma
