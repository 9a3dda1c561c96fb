#include "cmd/doctor/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "cmd/quantities.h"
#include "tracers/kernel/capability.h"

namespace anonvma::cmd {
namespace {

#if ANONVMA_HAVE_RECORDER

constexpr std::string_view kPrivilege = "privilege to load BPF programs";

bool is_privileged(const DoctorFacts& facts) {
  return facts.initial_user_namespace && facts.missing_capabilities.empty();
}

DoctorCheck privilege(const DoctorFacts& facts) {
  const bool has = is_privileged(facts);
  return {std::string(kPrivilege), has, true,
          has ? ""
          : facts.initial_user_namespace
              ? fmt::format("{} missing", fmt::join(facts.missing_capabilities, " and "))
              : "this is a user namespace"};
}

void add_machine(const DoctorFacts& facts, DoctorReport& report) {
  report.checks.push_back({"recorder built", true, true, ""});
  report.checks.push_back(privilege(facts));
  report.checks.push_back(
      {"compiler of BPF programs", facts.compiles_bpf, false,
       facts.compiles_bpf ? "" : "slow, or refused: sysctl net.core.bpf_jit_enable=1"});
  const bool btf = facts.btf_error.empty();
  report.checks.push_back(
      {"kernel type information (BTF)", btf, true, btf ? facts.btf_path : facts.btf_error});
  if (facts.realtime) report.facts.emplace_back("kernel with PREEMPT_RT");
  if (!facts.tracefs)
    report.facts.emplace_back("tracefs is not mounted: the recorder does not need it");
}

void add_features(const Features& features, DoctorReport& report) {
  if (features[Feature::ring_lock_sleeps])
    report.checks.push_back(
        {"BPF ring buffers for hooks", false, true, std::string(kRingLockSleeps)});
  for (const FeatureRow& row : feature_rows()) {
    const bool has = features[row.id];
    if (row.is_fact)
      report.facts.emplace_back(has ? row.with : row.without);
    else
      report.checks.push_back({title_of(row), has, row.tier_without == Tier::unsupported,
                               std::string(has ? "" : row.without),
                               std::string(name_of(row.tier_without))});
  }
}

void add_caches(const DoctorFacts& facts, DoctorReport& report) {
  for (const CacheSpec& cache : facts.caches)
    report.checks.push_back(
        {fmt::format("slab geometry of {}", cache.name), cache.objsize > 0, false,
         cache.objsize > 0 ? fmt::format("{} bytes, {} per slab", cache.objsize, cache.objperslab)
                           : "not readable: reports use the sizes of a 6.18 kernel"});
}

// One line for all functions as they should be, and one for each that is not.
void add_functions(const DoctorFacts& facts, DoctorReport& report) {
  const auto is_there = [](const KernelFunction& function) { return !function.symbols.empty(); };
  if (std::none_of(facts.functions.begin(), facts.functions.end(), is_there)) {
    report.checks.push_back({"addresses of kernel functions", false, false,
                             "no touches by get_user_pages: run as root, with "
                             "kernel.kptr_restrict below 2",
                             std::string(name_of(Tier::without_get_user_pages))});
    return;
  }
  report.checks.push_back({"addresses of kernel functions", true, false, ""});
  for (const KernelFunction& function : facts.functions) {
    if (is_there(function) != function.row->has_symbol)
      report.checks.push_back({fmt::format("function {}()", function.row->name), false, false,
                               std::string(function.row->otherwise),
                               std::string(name_of(function.row->tier_otherwise))});
    for (const std::string& symbol : function.symbols)
      if (symbol.find(".llvm.") != std::string::npos)
        report.facts.push_back(
            fmt::format("{}() has the name {}, and is found by it", function.row->name, symbol));
  }
}

DoctorCheck loading(const DoctorLoad& load) {
  const std::string name = "BPF programs load and attach";
  if (!load.error.empty()) return {name, false, true, load.error};
  return {name, true, true,
          fmt::format("{} of kernel memory pinned while recording with default options; up to {} "
                      "of user memory while records wait; priority of the ring's reader: {}",
                      size_text(load.pinned_bytes), size_text(load.spill_bytes), load.reader)};
}

void conclude(const DoctorFacts& facts, DoctorReport& report) {
  const bool supported =
      std::none_of(report.checks.begin(), report.checks.end(), [](const DoctorCheck& check) {
        return check.needed && !check.ok && check.name != kPrivilege;
      });
  const Tier tier = facts.load ? facts.load->tier : accuracy_tier(facts.features, {});
  report.tier = name_of(supported ? tier : Tier::unsupported);
  if (!is_privileged(facts)) {
    report.status = kNoPrivilege;
    report.advice = facts.initial_user_namespace
                        ? "run it again as root, with sudo: loading was not tried"
                        : std::string(kInUserNamespace);
  } else if (!supported) {
    report.status = kNotSupported;
    report.advice = facts.locked_down
                        ? "boot with lockdown=integrity or without lockdown; traces from elsewhere "
                          "can be replayed"
                        : "recording does not work here; traces from elsewhere can be replayed";
  } else {
    report.advice = "recording works here: sudo anonvma record -- CMD";
  }
}

#endif

}  // namespace

std::string_view word_for(const DoctorCheck& check) {
  if (check.ok) return "ok";
  if (check.needed) return "MISSING";
  return check.tier == "exact" ? "replaced" : "missing";
}

#if ANONVMA_HAVE_RECORDER

DoctorReport report_on(const DoctorFacts& facts) {
  DoctorReport report;
  add_machine(facts, report);
  if (facts.btf_error.empty()) add_features(facts.features, report);
  if (is_privileged(facts)) {
    add_caches(facts, report);
    add_functions(facts, report);
    if (facts.load) report.checks.push_back(loading(*facts.load));
    if (facts.load && facts.load->error.empty())
      report.memory =
          fmt::format("{} of the kernel, up to {} of the recorder, while recording",
                      size_text(facts.load->pinned_bytes), size_text(facts.load->spill_bytes));
  }
  conclude(facts, report);
  return report;
}

#endif

std::string as_json(const DoctorReport& report) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const DoctorCheck& check : report.checks) {
    nlohmann::ordered_json one{
        {"name", check.name}, {"ok", check.ok}, {"needed", check.needed}, {"note", check.note}};
    if (!check.tier.empty()) one["tier_without"] = check.tier;
    checks.push_back(std::move(one));
  }
  const nlohmann::ordered_json json{
      {"schema", "anonvma.doctor/1"}, {"can_record", report.status == kOk},
      {"tier", report.tier},          {"checks", std::move(checks)},
      {"facts", report.facts},        {"advice", report.advice}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string as_text(const DoctorReport& report) {
  std::string text;
  for (const DoctorCheck& check : report.checks) {
    text += fmt::format("{:<8} {}{}{}", word_for(check), check.name, check.note.empty() ? "" : ": ",
                        check.note);
    if (!check.ok && !check.needed && !check.tier.empty() && check.tier != "exact")
      text += fmt::format(" ({})", check.tier);
    text += '\n';
  }
  for (const std::string& fact : report.facts) text += fmt::format("{:<8} {}\n", "kernel", fact);
  text += fmt::format("{:<8} {}\n", "accuracy", report.tier);
  return text + report.advice + "\n";
}

}  // namespace anonvma::cmd
