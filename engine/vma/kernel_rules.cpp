#include "engine/vma/kernel_rules.h"

#include <array>
#include <charconv>

#include "engine/trace/meta.h"

namespace anonvma {
namespace {

using Version = std::array<unsigned, 3>;

Version parse_version(std::string_view release) {
  Version version{};
  for (unsigned& part : version) {
    const auto [end, error] =
        std::from_chars(release.data(), release.data() + release.size(), part);
    if (error != std::errc{}) break;
    release.remove_prefix(static_cast<std::size_t>(end - release.data()));
    if (release.empty() || release.front() != '.') break;
    release.remove_prefix(1);
  }
  return version;
}

// Each set is the one before it with what changed since.
std::vector<KernelRules> build() {
  std::vector<KernelRules> all;
  KernelRules r;
  r.name = "5.10";
  r.symmetric_merge = r.merge_checks_copied = r.brk_extends_only = false;
  r.unfaulted_drops_account = r.munmap_frees_original = r.map_stack_nohugepage = false;
  r.close_may_extend = r.remap_grow_merges = r.remap_checks_first = r.remap_many = false;
  r.remap_finds_first = false;
  r.dontunmap_unlinks = r.growth_takes_lock = false;
  r.sealed = kVmSealed63;
  all.push_back(r);
  r.name = "5.13";
  r.dontunmap_unlinks = true;
  all.push_back(r);
  r.name = "5.18";
  r.remap_grow_merges = r.remap_finds_first = true;
  all.push_back(r);
  r.name = "6.1";
  r.map_next_first = r.brk_extends_only = true;
  all.push_back(r);
  r.name = "6.1.192";
  r.self_merge = false;  // a stable backport, not bracketed closer
  all.push_back(r);
  r.name = "6.7";
  r.self_merge = true;
  r.growth_takes_lock = true;
  r.unfaulted_drops_account = r.close_may_extend = r.map_stack_nohugepage = true;
  all.push_back(r);
  r.name = "6.8";
  r.munmap_frees_original = true;
  all.push_back(r);
  r.name = "6.12";
  r.map_next_first = false;
  all.push_back(r);
  r.name = "6.12.117";
  r.self_merge = false;  // a stable backport, not bracketed closer
  all.push_back(r);
  r.name = "6.13";
  r.self_merge = true;
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
#include "engine/trace/behaviours.def"
#undef BEHAVIOUR
#undef BEHAVIOUR_STICKY
};

}  // namespace

const std::vector<KernelRules>& known_rules() {
  static const std::vector<KernelRules> rules = build();
  return rules;
}

const KernelRules* find_rules(std::string_view name) {
  for (const KernelRules& rules : known_rules())
    if (rules.name == name) return &rules;
  return nullptr;
}

KernelRules rules_for_release(std::string_view release) {
  const Version version = parse_version(release);
  const KernelRules* best = &known_rules().front();
  for (const KernelRules& rules : known_rules())
    if (parse_version(rules.name) <= version) best = &rules;
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
