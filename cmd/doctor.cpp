// anonvma doctor: what this kernel and this build let us record, and what to do about the rest.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cmd/commands.h"
#include "cmd/messages.h"
#include "cmd/quantities.h"

#if ANONVMA_HAVE_RECORDER
#include <bpf/libbpf.h>

#include <array>

#include "tracers/btf.h"
#include "tracers/capability.h"
#include "tracers/kallsyms.h"
#include "tracers/loader.h"
#include "tracers/machine.h"
#endif

namespace anonvma::cmd {
namespace {

struct Check {
  std::string name;
  bool ok = false;
  bool needed = false;  // without it nothing can be recorded
  std::string note;     // what replaces it, or what to do
};

struct Report {
  std::vector<Check> checks;
  int status = kOk;
  std::string advice;
};

#if ANONVMA_HAVE_RECORDER

struct Hook {
  const char* tracepoint;
  bool needed;
  const char* without;  // what is lost without it
};
constexpr Hook kHooks[] = {
    {"sys_enter", true, "no system calls"},
    {"sys_exit", true, "no system calls"},
    {"mmap_lock_acquire_returned", true, "no order of operations: Linux 5.11 has it"},
    {"task_newtask", true, "no forks"},
    {"sched_process_exec", true, "no execs"},
    {"sched_process_exit", true, "no ends of tasks"},
    {"exit_mmap", true, "no ends of address spaces: Linux 6.1 has it"},
    {"page_fault_user", false, "only first touches are recorded, as with --faults first"},
    {"page_fault_kernel", false, "faults of the kernel on user memory show as touches"},
    {"kmem_cache_alloc", true, "no touches by get_user_pages"},
    {"kmem_cache_free", false, "no --truth"},
};

void check_hooks(const KernelBtf& btf, std::vector<Check>& checks) {
  for (const Hook& hook : kHooks) {
    const bool has = btf.tracepoint_parameters(hook.tracepoint) >= 0;
    checks.push_back(
        {fmt::format("tracepoint {}", hook.tracepoint), has, hook.needed, has ? "" : hook.without});
  }
  const bool seq = btf.has_member("mm_struct", "mm_lock_seq");
  checks.push_back({"mm_struct.mm_lock_seq", seq, false,
                    seq ? "" : "the recorder counts write acquires itself"});
  const bool find = btf.function_parameters("bpf_find_vma") >= 0;
  checks.push_back({"bpf_find_vma", find, true, find ? "" : "Linux 5.17 has it"});
  const bool iterator = btf.function_parameters("bpf_iter_task_vma_new") >= 0;
  const bool tree = btf.has_member("mm_struct", "mm_mt");
  checks.push_back({"open-coded vma iterator", iterator, !tree,
                    iterator ? ""
                    : tree   ? "the maple tree is read without the lock, and again when a writer "
                               "came in between"
                             : "no snapshot at exec: Linux 6.1 has a maple tree to read"});
  const bool walk = btf.struct_size("bpf_iter_seq_task_vma_info") > 0;
  checks.push_back({"iter/task_vma", walk, true, walk ? "" : "no start state: Linux 5.12 has it"});
}

void check_symbols(std::vector<Check>& checks) {
  constexpr std::array<std::string_view, 1> kNames{"__anon_vma_prepare"};
  const bool found = !find_functions(kNames).empty();
  checks.push_back({"address of __anon_vma_prepare", found, false,
                    found ? ""
                          : "no touches by get_user_pages: run as root, with "
                            "kernel.kptr_restrict below 2"});
}

Check check_ring() {
  const bool has = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr) == 1;
  return {"BPF ring buffer", has, true, has ? "" : "Linux 5.8 has it"};
}

// The only real proof: load and attach everything, and let it go again.
Check check_loading() {
  LoaderOptions options;
  options.truth = true;
  options.ring_bytes = RecordOptions{}.ring_mib << 20;
  const Result<Loader> loader = Loader::open(options, [](std::span<const std::byte>) {});
  if (!loader) return {"BPF programs load and attach", false, true, loader.error().message};
  return {"BPF programs load and attach", true, true,
          fmt::format("{} of kernel memory pinned while recording with default options",
                      size_text(loader->pinned_bytes()))};
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
  checks.push_back({"privilege to load BPF programs", missing.empty(), true,
                    missing.empty() ? "" : fmt::format("{} missing", fmt::join(missing, " and "))});
  const Result<KernelBtf> btf = KernelBtf::load();
  checks.push_back({"kernel type information (BTF)", static_cast<bool>(btf), true,
                    btf ? btf_path() : btf.error().message});
  if (btf) check_hooks(*btf, checks);
  if (missing.empty()) {  // root alone may read what follows
    check_slab(checks);
    check_symbols(checks);
    checks.push_back(check_ring());
    if (btf) checks.push_back(check_loading());
  }
  bool supported = true;
  for (const Check& check : checks)
    if (check.needed && !check.ok && check.name != "privilege to load BPF programs")
      supported = false;
  if (!missing.empty()) {
    report.status = kNoPrivilege;
    report.advice = "run it again as root, with sudo: loading was not tried";
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
          kNotSupported,
          "install clang, bpftool and libbpf and build again; traces can be replayed without"};
}

#endif

std::string as_json(const Report& report) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Check& check : report.checks)
    checks.push_back(
        {{"name", check.name}, {"ok", check.ok}, {"needed", check.needed}, {"note", check.note}});
  const nlohmann::ordered_json json{{"schema", "anonvma.doctor/1"},
                                    {"can_record", report.status == kOk},
                                    {"checks", std::move(checks)},
                                    {"advice", report.advice}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string as_text(const Report& report) {
  std::string text;
  for (const Check& check : report.checks)
    text += fmt::format("{:<8} {}{}{}\n",
                        check.ok       ? "ok"
                        : check.needed ? "MISSING"
                                       : "missing",
                        check.name, check.note.empty() ? "" : ": ", check.note);
  return text + report.advice + "\n";
}

}  // namespace

int run_doctor(const DoctorOptions& options) {
  const Report report = examine();
  const int printed = print_result(options.json ? as_json(report) : as_text(report));
  return printed != kOk ? printed : report.status;
}

}  // namespace anonvma::cmd
