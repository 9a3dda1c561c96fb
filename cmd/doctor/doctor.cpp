// anonvma doctor: shows what this kernel and this build can record, and what to do about the rest.
#include <string>

#include "cmd/commands.h"
#include "cmd/doctor/report.h"
#include "cmd/exit.h"
#include "cmd/messages.h"
#include "cmd/screen.h"

#if ANONVMA_HAVE_RECORDER

#include <span>

#include "tracers/kernel/btf.h"
#include "tracers/kernel/capability.h"
#include "tracers/kernel/machine.h"
#include "tracers/kernel/namespaces.h"
#include "tracers/load/loader.h"
#include "tracers/load/ring_plan.h"
#endif

namespace anonvma::cmd {
namespace {

struct DoctorOptions {
  bool json = false;
  ScreenOptions screen;
};

#if ANONVMA_HAVE_RECORDER

// Loads and attaches everything, and detaches it again.
DoctorLoad try_loading() {
  LoaderOptions options;
  options.truth = true;
  const Standing standing = best_standing();
  const RingPlan plan = plan_ring(machine_size(), options.truth, standing);
  options.ring_bytes = plan.ring_bytes;
  const Result<Loader> loader = Loader::open(options, [](std::span<const std::byte>) {});
  if (!loader) return {loader.error().message, Tier::unsupported, 0, 0, ""};
  return {"", loader->tier(), loader->pinned_bytes(), plan.spill_bytes,
          std::string(name_of(standing))};
}

DoctorReport examine() {
  DoctorFacts facts;
  facts.missing_capabilities = missing_capabilities();
  facts.initial_user_namespace = is_initial_user_namespace();
  facts.compiles_bpf = compiles_bpf();
  facts.realtime = is_realtime_kernel();
  facts.tracefs = is_tracefs_mounted();
  facts.locked_down = is_locked_down();
  const Result<KernelBtf> btf = KernelBtf::load();
  (btf ? facts.btf_path : facts.btf_error) = btf ? btf_path() : btf.error().message;
  if (btf) facts.features = find_features(*btf);
  if (facts.initial_user_namespace && facts.missing_capabilities.empty()) {
    facts.caches = describe_machine().caches;
    facts.functions = kernel_functions();
    if (btf) facts.load = try_loading();
  }
  return report_on(facts);
}

#else

DoctorReport examine() {
  return {{{"recorder built", false, true, ANONVMA_NO_RECORDER_REASON}},
          {},
          "unsupported",
          kNotSupported,
          "install clang, bpftool and libbpf and build again; traces can be replayed without"};
}

#endif

int run_doctor(const DoctorOptions& options) {
  const DoctorReport report = examine();
  const std::string text = options.json          ? as_json(report)
                           : options.screen.full ? as_text(report)
                                                 : as_brief(report, screen_of(options.screen));
  const int printed = show_result(text, options.screen);
  return printed != kOk ? printed : report.status;
}

}  // namespace

void add_doctor(CommandLine& line) {
  const auto [command, options] = line.add("doctor", "What this kernel lets us record", run_doctor);
  command.flag("--json", options.json, "Print JSON");
  add_screen_options(
      command, options.screen,
      "A line for each thing that recording needs or uses, and facts on this kernel");
  command.footer(
      "Exit status: 0 recording works here, 69 it does not (a line says MISSING), 77 not enough\n"
      "privilege to tell.\n\nExamples:\n  sudo anonvma doctor\n"
      "  sudo anonvma doctor >/dev/null && sudo anonvma record -- make");
}

}  // namespace anonvma::cmd
