// The lines of `doctor` for machines that lack something.
#include "cmd/doctor/report.h"

#include <algorithm>
#include <sstream>
#include <string>

#include "test/catch.h"

namespace anonvma::cmd {
namespace {

std::vector<KernelFunction> functions(const std::string& kallsyms) {
  std::istringstream text(kallsyms);
  return kernel_functions(text);
}

constexpr const char* kUsual =
    "ffffffff81000000 T __anon_vma_prepare\nffffffff81000100 T vm_area_alloc\n"
    "ffffffff81000200 T vm_area_dup\nffffffff81000300 T anon_vma_clone\n"
    "ffffffff81000400 T anon_vma_fork\nffffffff81000500 T unlink_anon_vmas\n";

std::string without(const std::string& function) {
  std::istringstream lines(kUsual);
  std::string text;
  for (std::string line; std::getline(lines, line);)
    if (!line.ends_with(" " + function)) text += line + "\n";
  return text;
}

DoctorFacts usual() {
  DoctorFacts facts;
  facts.btf_path = "/sys/kernel/btf/vmlinux";
  facts.features.has.fill(true);
  facts.features.has[static_cast<std::size_t>(Feature::ring_lock_sleeps)] = false;
  facts.caches = {
      {{"vm_area_struct", 192, 21, 1}, {"anon_vma_chain", 64, 64, 1}, {"anon_vma", 104, 39, 1}}};
  facts.functions = functions(kUsual);
  facts.load = DoctorLoad{"", Tier::exact, 64u << 20, 1u << 30, "realtime"};
  return facts;
}

// The lines of the text that have `words`.
std::vector<std::string> lines_with(const DoctorReport& report, const std::string& words) {
  std::istringstream text(as_text(report));
  std::vector<std::string> found;
  for (std::string line; std::getline(text, line);)
    if (line.find(words) != std::string::npos) found.push_back(line);
  return found;
}

std::string one_line(const DoctorReport& report, const std::string& words) {
  const std::vector<std::string> lines = lines_with(report, words);
  REQUIRE(lines.size() == 1);
  return lines[0];
}

}  // namespace

TEST_CASE("doctor: a machine that lacks nothing", "[doctor]") {
  const DoctorReport report = report_on(usual());
  CHECK(report.status == kOk);
  CHECK(report.tier == "exact");
  CHECK(lines_with(report, "MISSING").empty());
  CHECK(lines_with(report, "missing ").empty());
  CHECK(one_line(report, "kernel functions") == "ok       addresses of kernel functions");
  CHECK(report.advice == "recording works here: sudo anonvma record -- CMD");
}

TEST_CASE("doctor: no compiler of BPF programs", "[doctor]") {
  DoctorFacts facts = usual();
  facts.compiles_bpf = false;
  const DoctorReport report = report_on(facts);
  CHECK(one_line(report, "compiler") ==
        "missing  compiler of BPF programs: slow, or refused: sysctl net.core.bpf_jit_enable=1");
  CHECK(report.status == kOk);
  SECTION("and the programs are refused") {
    facts.load = DoctorLoad{"the kernel refuses to load the BPF programs", {}, 0, 0, ""};
    CHECK(report_on(facts).status == kNotSupported);
  }
}

TEST_CASE("doctor: facts that change no accuracy", "[doctor]") {
  DoctorFacts facts = usual();
  facts.realtime = true;
  facts.tracefs = false;
  const DoctorReport report = report_on(facts);
  CHECK(one_line(report, "PREEMPT_RT") == "kernel   kernel with PREEMPT_RT");
  CHECK(one_line(report, "tracefs") ==
        "kernel   tracefs is not mounted: the recorder does not need it");
  CHECK(report.status == kOk);
}

TEST_CASE("doctor: a ring buffer whose lock sleeps", "[doctor]") {
  DoctorFacts facts = usual();
  facts.features.has[static_cast<std::size_t>(Feature::ring_lock_sleeps)] = true;
  const DoctorReport report = report_on(facts);
  CHECK(one_line(report, "stop the machine").starts_with("MISSING  BPF ring buffers for hooks"));
  CHECK(report.tier == "unsupported");
  CHECK(report.status == kNotSupported);
}

TEST_CASE("doctor: no type information", "[doctor]") {
  DoctorFacts facts = usual();
  facts.btf_error = "/sys/kernel/btf/vmlinux: no kernel type information (BTF)";
  facts.features = {};
  facts.load = {};
  const DoctorReport report = report_on(facts);
  CHECK(one_line(report, "MISSING") ==
        "MISSING  kernel type information (BTF): /sys/kernel/btf/vmlinux: no kernel type "
        "information (BTF)");
  CHECK(report.status == kNotSupported);
  CHECK(report.tier == "unsupported");
}

TEST_CASE("doctor: privilege", "[doctor]") {
  DoctorFacts facts = usual();
  facts.load = {};
  SECTION("capabilities") {
    facts.missing_capabilities = {"CAP_BPF", "CAP_PERFMON"};
    CHECK(one_line(report_on(facts), "MISSING") ==
          "MISSING  privilege to load BPF programs: CAP_BPF and CAP_PERFMON missing");
  }
  SECTION("a user namespace") {
    facts.initial_user_namespace = false;
    CHECK(one_line(report_on(facts), "MISSING") ==
          "MISSING  privilege to load BPF programs: this is a user namespace");
    CHECK_THAT(report_on(facts).advice, ContainsSubstring("root of the initial one"));
  }
  CHECK(report_on(facts).status == kNoPrivilege);
  CHECK(lines_with(report_on(facts), "load and attach").empty());
}

TEST_CASE("doctor: functions that the compiler has inlined", "[doctor]") {
  DoctorFacts facts = usual();
  SECTION("the preparation") {
    facts.functions = functions(without("__anon_vma_prepare"));
    CHECK(one_line(report_on(facts), "inlined") ==
          "missing  function __anon_vma_prepare(): inlined into its callers: no touches by "
          "get_user_pages (exact without get_user_pages faults)");
  }
  SECTION("an allocation") {
    for (const char* const name :
         {"vm_area_alloc", "vm_area_dup", "anon_vma_clone", "anon_vma_fork", "unlink_anon_vmas"}) {
      facts.functions = functions(without(name));
      CHECK_THAT(one_line(report_on(facts), "inlined"),
                 ContainsSubstring(std::string("function ") + name + "(): inlined"));
    }
  }
  SECTION("one that should have been") {
    facts.functions = functions(std::string(kUsual) + "ffffffff81000600 t anon_vma_chain_alloc\n");
    CHECK_THAT(one_line(report_on(facts), "inlined"),
               ContainsSubstring("missing  function anon_vma_chain_alloc(): not inlined"));
  }
  SECTION("no addresses at all are one line") {
    facts.functions = functions("");
    CHECK_THAT(one_line(report_on(facts), "kernel functions"),
               ContainsSubstring("kernel.kptr_restrict below 2"));
    CHECK(lines_with(report_on(facts), "inlined").empty());
  }
}

TEST_CASE("doctor: functions with suffixes of ThinLTO", "[doctor]") {
  DoctorFacts facts = usual();
  facts.functions =
      functions(without("vm_area_alloc") + "ffffffff81000100 t vm_area_alloc.llvm.4711\n");
  const DoctorReport report = report_on(facts);
  CHECK(one_line(report, ".llvm.") ==
        "kernel   vm_area_alloc() has the name vm_area_alloc.llvm.4711, and is found by it");
  CHECK(lines_with(report, "inlined").empty());
  CHECK(report.status == kOk);
}

TEST_CASE("doctor: the first screen has the answer, and only what is not as it should be",
          "[doctor]") {
  DoctorFacts facts = usual();
  std::string text = as_brief(report_on(facts), {});
  CHECK(text.starts_with("Recording works here; accuracy: exact\nsudo anonvma record -- CMD\n"));
  CHECK_THAT(text, ContainsSubstring("memory   64.0 MiB of the kernel"));
  CHECK(std::count(text.begin(), text.end(), '\n') <= 9);

  facts.features.has.fill(false);
  facts.load.reset();
  const DoctorReport report = report_on(facts);
  text = as_brief(report, {});
  CHECK(text.starts_with("Recording does NOT work here\n"));
  CHECK(text.find("MISSING") < text.find("missing "));
  CHECK_THAT(text, ContainsSubstring("more that are missing or replaced"));
  CHECK_THAT(as_brief(report, {.color = true}), ContainsSubstring("\x1b[31mMISSING\x1b[0m "));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}

}  // namespace anonvma::cmd
