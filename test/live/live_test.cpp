// The model against the running kernel: the objects of the replay must be those that the kernel's
// own slab tracepoints counted, one for one.
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>

#include "engine/vma/kernel_rules.h"
#include "engine/vma/rule_table.h"
#include "test/catch.h"
#include "test/live/recording.h"

namespace anonvma::test {
namespace {

const std::string kProgram = ANONVMA_PROGRAM;
const std::string kScripted = ANONVMA_SCRIPTED;

struct KernelCount {
  std::uint64_t allocs = 0;  // outside exec
  std::uint64_t kept_by_exec = 0, dropped_by_exec = 0;
  std::uint64_t live = 0;
};

// The slab tracepoints' own count for the recorded processes. Objects of a program loader are
// counted apart: the model takes the finished address space as a snapshot.
std::array<KernelCount, kNumCaches> kernel_counts(const std::vector<Event>& events) {
  std::array<KernelCount, kNumCaches> counts;
  std::array<std::map<std::uint64_t, bool>, kNumCaches> live;  // object: allocated inside exec
  for (const Event& event : events) {
    if (const auto* exec = std::get_if<Exec>(&event.body)) {
      (void)exec;
      for (std::size_t c = 0; c < kNumCaches; ++c)  // objects that exec made are alive now
        for (auto& [object, in_exec] : live[c])
          if (std::exchange(in_exec, false)) ++counts[c].kept_by_exec;
      continue;
    }
    const auto* truth = std::get_if<Truth>(&event.body);
    if (truth == nullptr) continue;
    KernelCount& count = counts.at(truth->cache);
    if (truth->freed) {
      const auto found = live[truth->cache].find(truth->object);
      if (found == live[truth->cache].end()) continue;  // older than the recording
      if (found->second) ++count.dropped_by_exec;
      live[truth->cache].erase(found);
    } else if (event.head.mm || truth->in_exec) {
      live[truth->cache][truth->object] = truth->in_exec != 0;
      if (!truth->in_exec) ++count.allocs;
    }
  }
  for (std::size_t c = 0; c < kNumCaches; ++c) counts[c].live = live[c].size();
  return counts;
}

void check_exact(const Recording& r) {
  CHECK(r.end.lost == 0);
  CHECK(r.model.map_counts_compared > 0);
  CHECK(r.model.map_count_mismatches == 0);
  if (r.model.first_mismatch)
    UNSCOPED_INFO("first mismatch at event " << r.model.first_mismatch->event << ", "
                                             << r.model.first_mismatch->operation);
}

TEST_CASE("a scripted program costs what the kernel allocated for it", "[objects]") {
  const Scratch scratch;
  const std::string trace = scratch.path("scripted.trace");
  const Outcome outcome = run({kProgram, "record", "--truth", "-o", trace, "--", kScripted});
  INFO(outcome.errors);
  REQUIRE(outcome.status == 0);
  const Recording r = read_recording(trace);
  check_exact(r);
  const auto kernel = kernel_counts(r.events);
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    const CacheUsage& model = r.model.caches[c];
    fmt::print(
        "{}: allocated {} (kernel {} + {} of exec), live {} (kernel {}); exec temporaries {}\n",
        cache_name(static_cast<CacheIndex>(c)), model.allocs, kernel[c].allocs,
        kernel[c].kept_by_exec, model.active_objs, kernel[c].live, kernel[c].dropped_by_exec);
    INFO(cache_name(static_cast<CacheIndex>(c)));
    CHECK(model.allocs == kernel[c].allocs + kernel[c].kept_by_exec);
    CHECK(model.active_objs == kernel[c].live);
    CHECK(model.active_objs > 0);  // the process that outlives the command
  }
}

TEST_CASE("a process older than the recording is taken over with its objects", "[attach]") {
  const Scratch scratch;
  const std::string trace = scratch.path("attach.trace");
  std::array<int, 2> gate{};
  REQUIRE(pipe(gate.data()) == 0);
  const pid_t older = fork();
  if (older ==
      0) {  // faulted, split and forked memory from before; then the scripted program's work
    auto* region = static_cast<char*>(
        mmap(nullptr, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (int page = 0; page < 64; ++page) region[page * 4096] = 1;
    mprotect(region + 8 * 4096, 4096, PROT_READ);
    close(gate[1]);
    char byte = 0;
    if (read(gate[0], &byte, 1) != 1) _exit(1);
    for (int i = 0; i < 50; ++i) {
      mprotect(region + (i % 32) * 2 * 4096, 4096, i % 3 ? PROT_READ : PROT_READ | PROT_WRITE);
      if (i % 10 == 0 && fork() == 0) {
        region[21 * 4096] = 2;  // this page stays writable
        munmap(region + 30 * 4096, 4 * 4096);
        _exit(0);
      }
    }
    while (wait(nullptr) > 0) continue;
    _exit(0);
  }
  const std::string errors = scratch.path("stderr");
  const pid_t recorder =
      start({kProgram, "record", "-o", trace, "--pid", std::to_string(older)}, errors);
  const bool recorded = records(recorder, trace);
  if (recorded) REQUIRE(write(gate[1], "x", 1) == 1);
  close(gate[1]);  // `older` goes on, or ends
  int status = 0;
  REQUIRE(waitpid(older, &status, 0) == older);
  kill(recorder, SIGINT);
  const Outcome outcome = finish(recorder, errors);
  INFO(outcome.errors);
  REQUIRE(recorded);
  REQUIRE(status == 0);
  REQUIRE(outcome.status == 0);
  const Recording r = read_recording(trace);
  check_exact(r);
  CHECK(r.model.at_start_objs[kVmAreaStruct] > 10);
  CHECK(r.model.at_start_objs[kAnonVma] > 0);
  // This process shares anon_vmas with the recorded one, so it was recorded, too. All others have
  // exited: no object of theirs may be left, and none was counted twice.
  CHECK(r.end.relatives_at_attach == 1);
  std::size_t alive = 0;
  for (const Holder& holder : r.model.end.holders) {
    if (holder.mm) ++alive;
    for (const std::uint64_t objs : holder.objs) CHECK((objs == 0 || bool(holder.mm)));
  }
  CHECK(alive == 1);
}

TEST_CASE("a compile and a shell script replay without a difference in map_count", "[compile]") {
  const Scratch scratch;
  const std::string trace = scratch.path("compile.trace");
  const Outcome outcome = run({kProgram, "record", "-o", trace, "--",
                               std::string(ANONVMA_SOURCE_DIR) + "/scripts/workload"});
  INFO(outcome.errors);
  REQUIRE(outcome.status == 0);
  const Recording r = read_recording(trace);
  fmt::print("{} events, {} map_counts compared, {} mismatches, lost {}\n", r.events.size(),
             r.model.map_counts_compared, r.model.map_count_mismatches, r.end.lost);
  check_exact(r);
}

TEST_CASE("SIGINT ends a recording with a whole file", "[signal]") {
  const Scratch scratch;
  const std::string trace = scratch.path("signal.trace");
  const std::string errors = scratch.path("stderr");
  const pid_t recorder = start({kProgram, "record", "-o", trace}, errors);
  const bool recorded = records(recorder, trace);
  kill(recorder, SIGINT);
  const Outcome outcome = finish(recorder, errors);
  INFO(outcome.errors);
  REQUIRE(recorded);
  CHECK((outcome.status == 0 || outcome.status == 3));
  CHECK_THAT(outcome.errors, ContainsSubstring("lost "));
  CHECK(read_recording(trace).events.size() > 0);
}

// On another kernel a difference may be right: the probe exists for that. There the test prints it,
// and `anonvma verify` shows which side is right.
TEST_CASE("the kernel behaves as its release says", "[probe]") {
  const Scratch scratch;
  const std::string trace = scratch.path("probe.trace");
  const Outcome outcome = run({kProgram, "record", "-q", "-o", trace, "--", "true"});
  INFO(outcome.errors);
  REQUIRE(outcome.status == 0);
  CHECK(outcome.errors.empty());
  const Meta meta = read_recording(trace).meta;
  fmt::print("{}: {} behaviours found out, unlike its release: '{}'\n", meta.release,
             meta.behaviours.size(), unlike_release(meta));
  CHECK(meta.behaviours.contains("symmetric_merge"));
  CHECK(meta.behaviours.contains("map_next_first"));
  if (!meta.release.starts_with("6.18.44")) return;
  const auto probed = std::ranges::count_if(
      rule_table(), [](const RuleInfo& rule) { return rule.probe != RuleProbe::none; });
  CHECK(std::ssize(meta.behaviours) == probed - 1);  // all but self_merge_spares_others
  CHECK(unlike_release(meta).empty());
}

TEST_CASE("what stands in the way is said in one line", "[refusals]") {
  const Scratch scratch;
  const std::string trace = scratch.path("x.trace");
  const auto one_line = [](const Outcome& o) {
    return !o.errors.empty() && o.errors.find('\n') == o.errors.size() - 1;
  };
  SECTION("no root") {
    const Outcome o = run({"setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all",
                           "--bounding-set=-all", kProgram, "record", "-o", "/tmp/x.trace"});
    INFO(o.errors);
    CHECK(o.status == 77);
    CHECK(one_line(o));
  }
  SECTION("no BTF") {
    const Outcome o = run({"env", "ANONVMA_BTF=/nowhere", kProgram, "record", "-o", trace});
    INFO(o.errors);
    CHECK(o.status == 69);
    CHECK(one_line(o));
  }
  SECTION("the file is there already") {
    std::fclose(std::fopen(trace.c_str(), "w"));
    const Outcome o = run({kProgram, "record", "-o", trace});
    INFO(o.errors);
    CHECK(o.status == 74);
    CHECK(one_line(o));
    CHECK_THAT(o.errors, ContainsSubstring(trace));
  }
  SECTION("the disk is full") {
    const Outcome o = run({kProgram, "record", "--force", "-o", "/dev/full", "--duration", "1"});
    INFO(o.errors);
    CHECK(o.status == 74);
  }
}

}  // namespace
}  // namespace anonvma::test
