// anonvma doctor: shows what this kernel and this build can record, and what to do about the rest.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/messages.h"
#include "cmd/quantities.h"

#if ANONVMA_HAVE_RECORDER

#include <array>

#include "tracers/kernel/btf.h"
#include "tracers/kernel/capability.h"
#include "tracers/kernel/features.h"
#include "tracers/kernel/kallsyms.h"
#include "tracers/kernel/machine.h"
#include "tracers/kernel/namespaces.h"
#include "tracers/load/loader.h"
#include "tracers/load/ring_plan.h"
#endif

namespace anonvma::cmd {
namespace {

struct DoctorOptions {
  bool json = false;
};

struct Check {
  std::string name;
  bool ok = false;
  bool needed = false;  // without it nothing can be recorded
  std::string note;     // the replacement, or what to do
  std::string tier{};   // of a recording without it; empty: the check decides no tier
};

struct Report {
  std::vector<Check> checks;
  std::vector<std::string> facts;  // differences between kernels that change no tier
  std::string tier;                // empty: not known
  int status = kOk;
  std::string advice;
};

#if ANONVMA_HAVE_RECORDER

void check_features(const Features& features, Report& report) {
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

void check_symbols(std::vector<Check>& checks) {
  constexpr std::array<std::string_view, 1> kNames{"__anon_vma_prepare"};
  const bool found = !find_functions(kNames).empty();
  checks.push_back({"address of __anon_vma_prepare", found, false,
                    found ? ""
                          : "no touches by get_user_pages: run as root, with "
                            "kernel.kptr_restrict below 2",
                    std::string(name_of(Tier::without_get_user_pages))});
}

// The only real proof: loads and attaches everything, and detaches it again.
Check check_loading(Tier& tier) {
  LoaderOptions options;
  options.truth = true;
  const Standing standing = best_standing();
  const RingPlan plan = plan_ring(machine_size(), options.truth, standing);
  options.ring_bytes = plan.ring_bytes;
  const Result<Loader> loader = Loader::open(options, [](std::span<const std::byte>) {});
  if (!loader) return {"BPF programs load and attach", false, true, loader.error().message};
  tier = loader->tier();
  return {"BPF programs load and attach", true, true,
          fmt::format(
              "{} of kernel memory pinned while recording with default options; up to {} of "
              "user memory while records wait; priority of the ring's reader: {}",
              size_text(loader->pinned_bytes()), size_text(plan.spill_bytes), name_of(standing))};
}

void check_slab(std::vector<Check>& checks) {
  const Meta meta = describe_machine();
  for (const CacheSpec& cache : meta.caches)
    checks.push_back({fmt::format("slab geometry of {}", cache.name), cache.objsize > 0, false,
                      cache.objsize > 0
                          ? fmt::format("{} bytes, {} per slab", cache.objsize, cache.objperslab)
                          : "not readable: reports use the sizes of a 6.18 kernel"});
}

Report examine() {
  Report report;
  std::vector<Check>& checks = report.checks;
  checks.push_back({"recorder built", true, true, ""});
  const std::vector<std::string> missing = missing_capabilities();
  const bool initial = is_initial_user_namespace(), privileged = initial && missing.empty();
  checks.push_back({"privilege to load BPF programs", privileged, true,
                    privileged ? ""
                    : initial  ? fmt::format("{} missing", fmt::join(missing, " and "))
                               : "this is a user namespace"});
  checks.push_back({"compiler of BPF programs", compiles_bpf(), false,
                    compiles_bpf() ? "" : "slow, or refused: sysctl net.core.bpf_jit_enable=1"});
  if (is_realtime_kernel())
    report.facts.emplace_back("kernel with PREEMPT_RT: recordings there were never compared");
  const Result<KernelBtf> btf = KernelBtf::load();
  checks.push_back({"kernel type information (BTF)", static_cast<bool>(btf), true,
                    btf ? btf_path() : btf.error().message});
  const Features features = btf ? find_features(*btf) : Features{};
  if (btf) check_features(features, report);
  Tier tier = accuracy_tier(features, {});
  if (privileged) {  // only root may read the following
    check_slab(checks);
    check_symbols(checks);
    if (btf) checks.push_back(check_loading(tier));
  }
  bool supported = true;
  for (const Check& check : checks)
    if (check.needed && !check.ok && check.name != "privilege to load BPF programs")
      supported = false;
  report.tier = name_of(supported ? tier : Tier::unsupported);
  if (!privileged) {
    report.status = kNoPrivilege;
    report.advice = initial ? "run it again as root, with sudo: loading was not tried"
                            : std::string(kInUserNamespace);
  } else if (!supported) {
    report.status = kNotSupported;
    report.advice = is_locked_down()
                        ? "boot with lockdown=integrity or without lockdown; traces from elsewhere "
                          "can be replayed"
                        : "recording does not work here; traces from elsewhere can be replayed";
  } else {
    report.advice = "recording works here: sudo anonvma record -- CMD";
  }
  return report;
}

#else

Report examine() {
  return {{{"recorder built", false, true, ANONVMA_NO_RECORDER_REASON}},
          {},
          "unsupported",
          kNotSupported,
          "install clang, bpftool and libbpf and build again; traces can be replayed without"};
}

#endif

std::string as_json(const Report& report) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Check& check : report.checks) {
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

std::string_view word_for(const Check& check) {
  if (check.ok) return "ok";
  if (check.needed) return "MISSING";
  return check.tier == "exact" ? "replaced" : "missing";
}

std::string as_text(const Report& report) {
  std::string text;
  for (const Check& check : report.checks) {
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

int run_doctor(const DoctorOptions& options) {
  const Report report = examine();
  const int printed = print_result(options.json ? as_json(report) : as_text(report));
  return printed != kOk ? printed : report.status;
}

}  // namespace

void add_doctor(CommandLine& line) {
  const auto [command, options] = line.add("doctor", "What this kernel lets us record", run_doctor);
  command.flag("--json", options.json, "Print JSON");
  command.footer("Example:\n  sudo anonvma doctor");
}

}  // namespace anonvma::cmd
