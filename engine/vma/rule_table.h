// The rows of rules.def as values, for `anonvma rules` and for look-ups by name.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/release.h"
#include "engine/vma/kernel_rules.h"

namespace anonvma {

struct RuleInterval {
  std::string_view since;  // first release with the rule; empty: the oldest kernel
  std::string_view until;  // first release without it; empty: none
  bool contains(const Release& release) const;
};

// The way in which the recorder finds out whether a kernel has a rule.
enum class RuleProbe { experiment, function, none };

struct RuleInfo {
  std::string_view name;             // of the field, of the flag, or "field=value"
  std::string_view differs;          // in sentences
  std::string_view commit, subject;  // of the commit that made the difference; empty: unknown
  std::vector<RuleInterval> intervals;
  RuleProbe probe;
  // The function that a kernel with the rule has, or the reason why there is no probe. Empty for an
  // experiment.
  std::string_view probe_note;
  bool (*get)(const KernelRules&);
  void (*set)(KernelRules&, bool value);

  bool holds(const Release& release) const;
};

// All rows, in the order of rules.def.
std::span<const RuleInfo> rule_table();
// nullptr if no rule has this name.
const RuleInfo* find_rule(std::string_view name);

}  // namespace anonvma
