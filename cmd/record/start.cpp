#include "cmd/record/start.h"

#include <fmt/format.h>

#if ANONVMA_HAVE_RECORDER

#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <utility>

#include "cmd/quantities.h"
#include "tracers/kernel/btf.h"
#include "tracers/kernel/capability.h"
#include "tracers/kernel/machine.h"
#include "tracers/kernel/namespaces.h"
#include "tracers/kernel/probe.h"
#include "tracers/load/ring_plan.h"

#endif

namespace anonvma::cmd {

Error cannot_record() {
  return {ErrorCode::not_supported, "this build cannot record (" ANONVMA_NO_RECORDER_REASON
                                    "): install clang, bpftool and libbpf and build again"};
}

#if ANONVMA_HAVE_RECORDER

namespace {

// The size of --ring-mib, or else a size that fits the machine. ANONVMA_RING_KIB is for tests that
// need losses: it makes the spill as small as the ring.
RingPlan ring_plan(const RecordOptions& options, Standing standing) {
  RingPlan plan = plan_ring(machine_size(), options.truth, standing);
  if (options.ring_mib != 0) plan.ring_bytes = options.ring_mib << 20;
  if (const char* const kib = std::getenv("ANONVMA_RING_KIB")) {
    const std::uint64_t wanted = std::strtoull(kib, nullptr, 10);
    plan.ring_bytes = std::bit_ceil(std::clamp<std::uint64_t>(wanted, 4, 1u << 20)) << 10;
    plan.spill_bytes = plan.ring_bytes;
  }
  return plan;
}

std::string_view scope_of(const RecordOptions& options) {
  if (!options.command.empty()) return "command";
  if (!options.cgroup.empty()) return "cgroup";
  return options.pids.empty() ? "system" : "pid";
}

Meta make_meta(const RecordOptions& options, const CgroupScope& cgroup, Standing standing,
               const RingPlan& plan) {
  Meta meta = describe_machine();
  meta.tool_version = ANONVMA_VERSION;
  meta.scope = scope_of(options);
  meta.faults = options.faults;
  meta.truth = options.truth;
  meta.command = options.command;
  meta.cgroup = cgroup.path;
  meta.ring_bytes = plan.ring_bytes;
  meta.reader = name_of(standing);
  return meta;
}

Behaviours observed_behaviours() {
  const Result<Behaviours> observed = probe_behaviours();
  if (observed) return *observed;
  spdlog::warn("{}: its rules for merging vmas are taken from the release alone",
               observed.error().message);
  return {};
}

// The cgroup of --cgroup. Without the option only its hierarchy counts, that of the memory.
Result<CgroupScope> find_scope(const RecordOptions& options) {
  const Result<KernelBtf> btf = KernelBtf::load();
  if (!btf) return btf.error();
  const std::vector<CgroupMount> mounts = cgroup_mounts();
  if (!options.cgroup.empty()) return find_cgroup(options.cgroup, mounts, *btf);
  return CgroupScope{0, "", memory_hierarchy(mounts, *btf)};
}

RecorderOptions make_options(const RecordOptions& options, const CgroupScope& cgroup,
                             const RingPlan& plan, pid_t command) {
  RecorderOptions out;
  out.faults = options.faults == "first" ? ANONVMA_FAULTS_FIRST
               : options.faults == "all" ? ANONVMA_FAULTS_ALL
                                         : ANONVMA_FAULTS_WRITE;
  out.truth = options.truth;
  out.ring_bytes = plan.ring_bytes;
  out.spill_bytes = plan.spill_bytes;
  out.pids = options.pids;
  out.cgroup = cgroup.id;
  out.hierarchy = cgroup.hierarchy;
  out.command_tgid = static_cast<std::uint32_t>(std::max(command, 0));
  return out;
}

Status check_privilege() {
  if (!is_initial_user_namespace())
    return Error{ErrorCode::no_privilege, std::string(kInUserNamespace)};
  const std::vector<std::string> missing = missing_capabilities();
  if (missing.empty()) return ok();
  return Error{ErrorCode::no_privilege, fmt::format("recording needs {}: run it as root, with sudo",
                                                    fmt::join(missing, " and "))};
}

// The child that will become the command at release(); nullopt without a command.
Result<std::optional<Child>> make_child(const RecordOptions& options) {
  std::optional<Child> child;
  if (options.command.empty()) return child;
  const bool taken = options.output == "-";  // standard output: by the trace
  const ChildOutput output = taken ? ChildOutput::our_stderr : options.command_output;
  Result<Child> forked = Child::fork(options.command, output);
  if (!forked) return forked.error();
  child.emplace(std::move(*forked));
  return child;
}

}  // namespace

Result<Prepared> prepare(const RecordOptions& options) {
  if (const Status s = check_privilege(); !s) return s.error();
  const Result<CgroupScope> cgroup = find_scope(options);
  if (!cgroup) return cgroup.error();
  return Prepared{*cgroup, observed_behaviours()};
}

Result<Started> start(const RecordOptions& options, const Prepared& prepared) {
  auto child = make_child(options);
  if (!child) return child.error();
  const Standing standing = best_standing();
  const RingPlan plan = ring_plan(options, standing);
  if (standing == Standing::plain)
    spdlog::warn(
        "the recorder has no priority over other programs (CAP_SYS_NICE is missing): its ring "
        "has {} instead, which may still fill if the machine is busy for long",
        size_text(plan.ring_bytes));
  auto recorder =
      Recorder::open(make_options(options, prepared.cgroup, plan, *child ? (*child)->pid() : 0));
  if (!recorder) return recorder.error();
  Started started{make_meta(options, prepared.cgroup, standing, plan), std::move(*child),
                  std::move(*recorder)};
  Meta& meta = started.meta;
  meta.behaviours.insert(prepared.behaviours.begin(), prepared.behaviours.end());
  meta.tier = name_of(started.recorder->tier());
  if (!started.recorder->sees_faults()) {
    meta.faults = "first";
    spdlog::warn("this kernel has no hook of page faults: only first touches are recorded");
  }
  return started;
}

#endif

}  // namespace anonvma::cmd
