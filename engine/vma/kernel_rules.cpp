#include "engine/vma/kernel_rules.h"

#include <fmt/format.h>

#include "engine/release.h"
#include "engine/trace/meta.h"

namespace anonvma {
namespace {

// The oldest kernel that can record: also what is taken for older ones where nothing is known.
constexpr std::string_view kOldestRecorder = "5.10";

KernelRules rules_of_5_10() {
  KernelRules r;
  r.name = kOldestRecorder;
  r.symmetric_merge = r.merge_checks_copied = r.brk_extends_only = false;
  r.unfaulted_drops_account = r.munmap_frees_original = r.map_stack_nohugepage = false;
  r.close_may_extend = r.remap_grow_merges = r.remap_checks_first = r.remap_many = false;
  r.remap_finds_first = r.merge_locks_once = false;
  r.dontunmap_unlinks = r.growth_takes_lock = r.self_merge_spares_others = false;
  r.dontunmap_resets_pgoff = r.dontunmap_splits_locked = false;
  r.anon_pgoff = r.remap_keeps_uffd_apart = false;
  r.dontunmap_accounts_next = true;
  r.sealed = kVmSealed63;
  return r;
}

// Eras that no recorder runs on, for designs of their time. Read in the sources, not executed.
void add_2_6_32_to_3_19(std::vector<KernelRules>& all) {
  KernelRules r = rules_of_5_10();
  r.name = "2.6.32";
  r.assumed =
      "from 5.10: the stack guard gap, what a failing call leaves behind, flags and calls that "
      "came later (MADV_WIPEONFORK, MREMAP_DONTUNMAP, userfaultfd, ...)";
  r.fork_blocks_merge = r.merge_keeps_next = false;
  r.layer_lock = LayerLock::linking;
  all.push_back(r);
  r.name = "2.6.34";
  r.layer_lock = LayerLock::none;
  all.push_back(r);
  r.name = "2.6.36";  // by the posting of the change; the tree read is 2.6.37
  r.layer_lock = LayerLock::inserting;
  all.push_back(r);
  r.name = "2.6.37";
  all.push_back(r);
  r.name = "3.0";  // 2.6.38 and 2.6.39 were not read
  r.fork_blocks_merge = true;
  r.layer_lock = LayerLock::shifting;
  all.push_back(r);
  r.name = "3.10";  // the locks from 3.7 on, of which no tree was read
  r.layer_lock = LayerLock::always;
  all.push_back(r);
  r.name = "3.19";
  all.push_back(r);
}

void add_4_9_to_5_7(std::vector<KernelRules>& all) {
  KernelRules r = all.back();
  r.name = "4.9";
  r.merge_keeps_next = true;
  all.push_back(r);
  r.name = "4.14";
  r.assumed =
      "from 5.10: the stack guard gap, what a failing call leaves behind, flags and calls that "
      "came later (MREMAP_DONTUNMAP, ...)";
  r.fork_prepares_wiped = true;
  all.push_back(r);
  r.name = "5.6";  // for the design of 5.5 and 5.6
  all.push_back(r);
  r.name = "5.7";
  r.assumed = "from 5.10: what a failing call leaves behind";
  r.fork_prepares_wiped = false;
  all.push_back(r);
}

void add_5_10_to_6_12(std::vector<KernelRules>& all) {
  KernelRules r = rules_of_5_10();
  all.push_back(r);
  r.name = "5.13";
  r.dontunmap_unlinks = true;
  r.dontunmap_accounts_next = false;
  all.push_back(r);
  r.name = "5.18";
  r.remap_grow_merges = r.remap_finds_first = true;
  all.push_back(r);
  r.name = "6.1";
  r.map_next_first = r.brk_extends_only = r.merge_locks_once = true;
  all.push_back(r);
  r.name = "6.1.37";
  r.growth_takes_lock = true;  // lock_mm_and_find_vma(), commit c2508ec5a58d of 6.5, carried back
  all.push_back(r);
  r.name = "6.1.192";
  r.self_merge = false;  // stable backports, not bracketed closer
  r.dontunmap_resets_pgoff = r.dontunmap_splits_locked = true;
  all.push_back(r);
  r.name = "6.7";
  r.self_merge = true;
  r.dontunmap_resets_pgoff = r.dontunmap_splits_locked = false;
  r.unfaulted_drops_account = r.close_may_extend = r.map_stack_nohugepage = true;
  all.push_back(r);
  r.name = "6.8";
  r.munmap_frees_original = true;
  all.push_back(r);
  r.name = "6.12";
  r.map_next_first = false;
  r.self_merge_spares_others = true;
  all.push_back(r);
  r.name = "6.12.117";
  r.self_merge = false;  // stable backports, not bracketed closer
  r.dontunmap_resets_pgoff = r.dontunmap_splits_locked = true;
  all.push_back(r);
}

void add_6_13_to_7_3(std::vector<KernelRules>& all) {
  KernelRules r = all.back();
  r.name = "6.13";
  r.self_merge = true;
  r.dontunmap_resets_pgoff = r.dontunmap_splits_locked = false;
  all.push_back(r);
  r.name = "6.15";
  r.dontunmap_drops_account = true;
  all.push_back(r);
  r.name = "6.16";
  r.symmetric_merge = true;
  all.push_back(r);
  r.name = "6.17";
  r.dontunmap_drops_account = false;
  r.sealed = kVmSealed42;
  r.remap_checks_first = r.remap_many = true;
  all.push_back(r);
  r.name = "6.18.8";
  r.merge_checks_copied = true;
  all.push_back(r);
  r.name =
      "6.18.16";  // absent in .15, present in .44: the flag is not seen in between without guards
  r.sticky = kVmMaybeGuard;
  all.push_back(r);
  r.name = "6.19";
  all.push_back(r);
  r.name = "7.0";
  r.self_merge = false;
  all.push_back(r);
  r.name = "7.2";
  r.dontunmap_resets_pgoff = r.dontunmap_splits_locked = true;
  all.push_back(r);
  r.name = "7.3";
  r.anon_pgoff = r.remap_keeps_uffd_apart = true;
  all.push_back(r);
}

// Each set is the one before it with what changed since.
std::vector<KernelRules> build() {
  std::vector<KernelRules> all;
  add_2_6_32_to_3_19(all);
  add_4_9_to_5_7(all);
  add_5_10_to_6_12(all);
  add_6_13_to_7_3(all);
  return all;
}

// How a behaviour is kept: a member, or a flag in `sticky`.
struct Behaviour {
  std::string_view name;
  bool KernelRules::*member;
  std::uint64_t flag;
};

constexpr Behaviour kBehaviours[] = {
#define BEHAVIOUR(name) {#name, &KernelRules::name, 0},
#define BEHAVIOUR_STICKY(name, flag) {#name, nullptr, flag},
#define BEHAVIOUR_WITH(name, function) {#name, &KernelRules::name, 0},
#include "engine/trace/behaviours.def"
#undef BEHAVIOUR
#undef BEHAVIOUR_STICKY
#undef BEHAVIOUR_WITH
};

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
  std::string message = fmt::format("unknown rules '{}'; known are", name);
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
  for (const auto& [name, member, flag] : kBehaviours) {
    if (name != behaviour) continue;
    const bool before = member ? rules.*member : (rules.sticky & flag) != 0;
    if (before == value) return false;
    if (member)
      rules.*member = value;
    else
      rules.sticky ^= flag;
    return true;
  }
  return false;
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
