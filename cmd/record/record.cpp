// anonvma record: the options, and their conflicts.
#include <cstdint>
#include <optional>
#include <string>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/quantities.h"
#include "cmd/record/options.h"
#include "cmd/record/session.h"
#include "cmd/record/slab_watch.h"
#include "cmd/record/whom.h"

namespace anonvma::cmd {
namespace {

std::string a_size(const std::string& word) {
  return parse_size(word) ? "" : "'" + word + "' is no size: 64 (MiB), 64M, 1G";
}

std::string a_time(const std::string& word) {
  return parse_time(word) ? "" : "'" + word + "' is no time: 90 (seconds), 10m, 1h";
}

std::string a_slab_trigger(const std::string& word) {
  const Result<SlabTrigger> trigger = parse_slab_trigger(word);
  return trigger ? "" : trigger.error().message;
}

Option add_size(const Subcommand& command, const std::string& name, std::uint64_t& bytes,
                const std::string& meaning) {
  const auto take = [&bytes](const std::string& word) { bytes = parse_size(word).value_or(0); };
  return command.word(name, take, meaning).check(a_size);
}

Option add_time(const Subcommand& command, const std::string& name, std::uint64_t& ns,
                const std::string& meaning) {
  const auto take = [&ns](const std::string& word) { ns = parse_time(word).value_or(0); };
  return command.word(name, take, meaning).check(a_time);
}

// Options for recordings of several files and for the flight recorder.
void add_long_recording(const Subcommand& command, RecordOptions& options) {
  const Option by_size = add_size(command, "--rotate-size", options.rotate_bytes,
                                  "Go on in a new file, complete in itself, after so many MiB");
  const Option by_time =
      add_time(command, "--rotate-time", options.rotate_ns, "... after so many seconds");
  command.option("--keep", options.keep, "Keep so many files, and remove the oldest of this run")
      .between(1, 1000000);
  const Option most = add_size(command, "--max-size", options.max_bytes,
                               "End when all files together have so many MiB");
  const Option flight =
      add_time(command, "--flight", options.flight_ns,
               "Flight recorder: keep the last seconds in memory, write them on SIGUSR1");
  flight.excludes(by_size).excludes(by_time).excludes(most);
  add_size(command, "--flight-size", options.flight_bytes, "Memory for it in MiB (default: 256)")
      .needs(flight);
  command
      .option("--trigger-slab", options.slab_triggers,
              "CACHE=+N% or CACHE=N: write when so many objects are there; may be repeated")
      .one_each()
      .check(a_slab_trigger)
      .needs(flight);
  command.flag("--trigger-once", options.trigger_once, "End after the first trigger").needs(flight);
  command.flag("--flight-at-end", options.flight_at_end, "Write at the end, too").needs(flight);
}

int run_record(const RecordOptions& options) {
  if (const Status s = check_whom(options); !s) return fail(s.error());
  if (options.keep != 0 && options.rotate_bytes == 0 && options.rotate_ns == 0 &&
      options.flight_ns == 0)
    return fail({ErrorCode::usage, "--keep needs --rotate-size, --rotate-time or --flight"});
  if (options.output == "-" &&
      (options.rotate_bytes != 0 || options.rotate_ns != 0 || options.flight_ns != 0))
    return fail({ErrorCode::usage,
                 "-o - is one stream: --rotate-size, --rotate-time and --flight need a name"});
  const Result<int> status = record(options);
  return status ? *status : fail(status.error());
}

}  // namespace

void add_record(CommandLine& line) {
  const auto [command, options] =
      line.add("record", "Record what a workload does to its address spaces", run_record);
  line.take_words_behind_dashes("record", options.command);
  command.option("-o,--output", options.output,
                 "Trace file; - is standard output (default: anonvma-<date>.trace)");
  command.flag("--force", options.force, "Overwrite the trace file");
  add_duration(command, options, "Stop after so many seconds (default: at a signal, or with CMD)");
  add_whom(command, options);
  command.flag("--truth", options.truth, "Also record the kernel's own allocations");
  command
      .option("--faults", options.faults,
              "Which page faults; 'first' is exact for the recording kernel's strategy alone")
      .one_of({"first", "write", "all"})
      .shows_default();
  add_ring_size(command, options);
  command.flag("-q,--quiet", options.quiet, "No progress and no summary");
  add_long_recording(command, options);
  command.footer(
      "anonvma record [OPTIONS] -- CMD... records CMD and all its descendants; without CMD, --pid "
      "and\n"
      "--cgroup the whole system is recorded. Needs root.\n\nExamples:\n"
      "  sudo anonvma record -o make.trace -- make -j8\n"
      "  sudo anonvma record --duration 60\n"
      "  sudo anonvma record -o - -- make -j8 | anonvma compare -    the output of make goes to "
      "stderr\n"
      "  sudo anonvma record --pid 4711 --truth\n"
      "  sudo anonvma record --cgroup system.slice/nginx.service --duration 60\n"
      "  sudo anonvma record --cgroup /sys/fs/cgroup/memory/docker/4f1a    cgroup v1\n"
      "  sudo anonvma record -o day.trace --rotate-size 256M --keep 20    day.0001.trace, ...\n"
      "  sudo anonvma record --rotate-time 10m --max-size 10G\n"
      "  sudo anonvma record --flight 30 --trigger-slab anon_vma=+20%\n"
      "  sudo anonvma record --flight 1m -o crash.trace    and then: sudo pkill -USR1 -x anonvma");
}

}  // namespace anonvma::cmd
