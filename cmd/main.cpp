// The command line. The only file that knows CLI11: each subcommand's options become a plain
// struct.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cmd/commands.h"
#include "cmd/messages.h"
#include "cmd/quantities.h"
#include "cmd/slab_watch.h"

namespace anonvma::cmd {
namespace {

struct Command {
  CLI::App* app;
  std::function<int()> run;
};
using Commands = std::vector<Command>;

// An option whose values are words for the values of an enum.
template <class E>
CLI::Option* add_choice(CLI::App* sub, const std::string& name, E& value,
                        const std::vector<std::pair<std::string, E>>& words,
                        const std::string& meaning) {
  std::vector<std::string> known;
  for (const auto& [word, e] : words) known.push_back(word);
  return sub
      ->add_option_function<std::string>(
          name,
          [&value, words](const std::string& given) {
            for (const auto& [word, e] : words)
              if (word == given) value = e;
          },
          meaning)
      ->check(CLI::IsMember(known));
}

std::string point_in_time(const std::string& text) {
  double value = 0;
  const bool good = CLI::detail::lexical_cast(text, value) && value >= 0 && value < 1e9;
  return good ? "" : "'" + text + "' is no number of seconds from 0";
}

void add_no_limits(CLI::App* sub, bool& no_limits) {
  sub->add_flag("--no-limits", no_limits,
                "Replay whatever memory and time the trace takes, however short it is");
}

void add_table_options(CLI::App* sub, TableOptions& options) {
  ReportOptions& report = options.report;
  CLI::Option* format = add_choice<Format>(sub, "--format", report.format,
                                           {{"text", Format::text},
                                            {"markdown", Format::markdown},
                                            {"lkml", Format::lkml},
                                            {"csv", Format::csv},
                                            {"json", Format::json}},
                                           "How to print");
  sub->add_flag_callback(
         "--json", [&report] { report.format = Format::json; }, "The same as --format json")
      ->excludes(format);
  sub->add_option("--at", options.at_s, "Also the state at so many seconds after the first event")
      ->check(point_in_time);
  CLI::Option* by = add_choice<By>(sub, "--by", report.by, {{"comm", By::comm}, {"mm", By::mm}},
                                   "Also who holds the objects");
  sub->add_option("--top", report.top, "With --by: how many by name")
      ->check(CLI::Range(1, 1000000))
      ->needs(by)
      ->capture_default_str();
  auto* rules = sub->add_option("--rules", options.rules,
                                "Rules of the VMA layer (default: the recording kernel's)");
  sub->add_flag("--era-accurate", options.era_accurate,
                "Each strategy under the rules and with the object sizes of its own kernels")
      ->excludes(rules);
  sub->add_option("--objsize", options.objsizes, "CACHE=BYTES: another slot size, may be repeated")
      ->allow_extra_args(false);
  sub->add_flag("--slub", options.slub,
                "Also the slabs that SLUB would hold, as a model (always in replay)");
  sub->add_flag("--check-reach", options.check_reach,
                "Check that rmap walks find every page; status 1 when one does not");
  sub->add_option("--threads", options.threads,
                  "Worker threads (default: one per strategy and CPU)")
      ->check(CLI::Range(1, 1024));
  add_no_limits(sub, options.no_limits);
}

void add_doctor(CLI::App& app, Commands& commands, DoctorOptions& options) {
  CLI::App* sub = app.add_subcommand("doctor", "What this kernel lets us record");
  sub->add_flag("--json", options.json, "Print JSON");
  sub->footer("Example:\n  sudo anonvma doctor");
  commands.push_back({sub, [&options] { return run_doctor(options); }});
}

std::string seconds(const std::string& text) {
  double value = 0;
  const bool good = CLI::detail::lexical_cast(text, value) && value > 0 && value < 1e9;
  return good ? "" : "'" + text + "' is no number of seconds above 0";
}

std::string process_id(const std::string& text) {
  int value = 0;
  const bool good = CLI::detail::lexical_cast(text, value) && value > 0;
  return good ? "" : "'" + text + "' is no process id";
}

std::string ring_size(const std::string& text) {
  std::uint64_t mib = 0;
  const bool good =
      CLI::detail::lexical_cast(text, mib) && mib >= 1 && mib <= 1024 && (mib & (mib - 1)) == 0;
  return good ? "" : "'" + text + "' is no power of two from 1 to 1024";
}

std::string a_size(const std::string& text) {
  return parse_size(text) ? "" : "'" + text + "' is no size: 64 (MiB), 64M, 1G";
}

std::string a_time(const std::string& text) {
  return parse_time(text) ? "" : "'" + text + "' is no time: 90 (seconds), 10m, 1h";
}

std::string a_slab_trigger(const std::string& text) {
  const Result<SlabTrigger> trigger = parse_slab_trigger(text);
  return trigger ? "" : trigger.error().message;
}

CLI::Option* add_size(CLI::App* sub, const std::string& name, std::uint64_t& bytes,
                      const std::string& meaning) {
  return sub
      ->add_option_function<std::string>(
          name, [&bytes](const std::string& text) { bytes = parse_size(text).value_or(0); },
          meaning)
      ->check(a_size);
}

CLI::Option* add_time(CLI::App* sub, const std::string& name, std::uint64_t& ns,
                      const std::string& meaning) {
  return sub
      ->add_option_function<std::string>(
          name, [&ns](const std::string& text) { ns = parse_time(text).value_or(0); }, meaning)
      ->check(a_time);
}

// Recordings of several files, and the flight recorder.
void add_long_recording(CLI::App* sub, RecordOptions& options) {
  CLI::Option* by_size = add_size(sub, "--rotate-size", options.rotate_bytes,
                                  "Go on in a new file, complete in itself, after so many MiB");
  CLI::Option* by_time =
      add_time(sub, "--rotate-time", options.rotate_ns, "... after so many seconds");
  sub->add_option("--keep", options.keep, "Keep so many files, and remove the oldest of this run")
      ->check(CLI::Range(1, 1000000));
  CLI::Option* most = add_size(sub, "--max-size", options.max_bytes,
                               "End when all files together have so many MiB");
  CLI::Option* flight =
      add_time(sub, "--flight", options.flight_ns,
               "Flight recorder: keep the last seconds in memory, write them on SIGUSR1");
  flight->excludes(by_size)->excludes(by_time)->excludes(most);
  add_size(sub, "--flight-size", options.flight_bytes, "Memory for it in MiB (default: 256)")
      ->needs(flight);
  sub->add_option("--trigger-slab", options.slab_triggers,
                  "CACHE=+N% or CACHE=N: write when so many objects are there; may be repeated")
      ->allow_extra_args(false)
      ->check(a_slab_trigger)
      ->needs(flight);
  sub->add_flag("--trigger-once", options.trigger_once, "End after the first trigger")
      ->needs(flight);
  sub->add_flag("--flight-at-end", options.flight_at_end, "Write at the end, too")->needs(flight);
}

void add_record(CLI::App& app, Commands& commands, RecordOptions& options) {
  CLI::App* sub = app.add_subcommand("record", "Record what a workload does to its address spaces");
  sub->add_option("-o,--output", options.output, "Trace file (default: anonvma-<date>.trace)");
  sub->add_flag("--force", options.force, "Overwrite the trace file");
  sub->add_option("--duration", options.duration_s,
                  "Stop after so many seconds (default: at a signal, or with CMD)")
      ->check(seconds);
  sub->add_option("--pid", options.pids, "Only these processes and their descendants")
      ->check(process_id);
  sub->add_flag("--truth", options.truth, "Also record the kernel's own allocations");
  sub->add_option("--faults", options.faults,
                  "Which page faults; 'first' is exact for the recording kernel's strategy alone")
      ->check(CLI::IsMember({"first", "write", "all"}))
      ->capture_default_str();
  sub->add_option("--ring-mib", options.ring_mib,
                  "Size of the ring buffer in MiB (default: what fits the CPUs and the memory)")
      ->check(ring_size);
  sub->add_flag("-q,--quiet", options.quiet, "No progress and no summary");
  add_long_recording(sub, options);
  sub->footer(
      "anonvma record [OPTIONS] -- CMD... records CMD and all its descendants; without CMD and "
      "--pid\n"
      "the whole system is recorded. Needs root.\n\nExamples:\n"
      "  sudo anonvma record -o make.trace -- make -j8\n"
      "  sudo anonvma record --duration 60\n"
      "  sudo anonvma record --pid 4711 --truth\n"
      "  sudo anonvma record -o day.trace --rotate-size 256M --keep 20    day.0001.trace, ...\n"
      "  sudo anonvma record --rotate-time 10m --max-size 10G\n"
      "  sudo anonvma record --flight 30 --trigger-slab anon_vma=+20%\n"
      "  sudo anonvma record --flight 1m -o crash.trace    and then: sudo pkill -USR1 -x anonvma");
  commands.push_back({sub, [&options] { return run_record(options); }});
}

void add_info(CLI::App& app, Commands& commands, InfoOptions& options) {
  CLI::App* sub = app.add_subcommand("info", "What a trace holds and where it was recorded");
  sub->add_option("FILE", options.file, "Trace")->required();
  sub->add_flag("--full", options.full, "Read every chunk, not only the header and the end");
  sub->add_flag("--json", options.json, "Print JSON");
  sub->footer("Examples:\n  anonvma info make.trace\n  anonvma info make.trace --full --json");
  commands.push_back({sub, [&options] { return run_info(options); }});
}

void add_check(CLI::App& app, Commands& commands, CheckCommandOptions& options) {
  CLI::App* sub =
      app.add_subcommand("check", "Whether a trace is whole and does not contradict itself");
  sub->add_option("FILE", options.files, "Traces")->required();
  sub->add_option("--most", options.most, "Findings of a kind to print; the rest is counted")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  sub->add_flag("--json", options.json, "Print JSON");
  sub->footer(
      "Status 0 when there is nothing to say, 65 when the file is damaged, 1 when its events\n"
      "contradict each other, 3 when events were lost and all else is well.\n\nExamples:\n"
      "  anonvma check make.trace\n"
      "  anonvma check *.trace --json");
  commands.push_back({sub, [&options] { return run_check(options); }});
}

void add_repair(CLI::App& app, Commands& commands, RepairOptions& options) {
  CLI::App* sub = app.add_subcommand("repair", "Save what is whole of a damaged trace");
  sub->add_option("FILE", options.file, "Trace")->required();
  sub->add_option("-o,--output", options.output, "The new trace")->required();
  sub->add_flag("--force", options.force, "Overwrite the new trace");
  sub->add_flag("--json", options.json, "Print JSON");
  sub->footer(
      "Whole chunks are kept, the index is made anew, and a lost event stands where chunks are\n"
      "missing. Status 3 when events are missing.\n\nExample:\n"
      "  anonvma repair broken.trace -o saved.trace");
  commands.push_back({sub, [&options] { return run_repair(options); }});
}

void add_window(CLI::App* sub, std::optional<double>& from_s, std::optional<double>& to_s) {
  sub->add_option("--from", from_s, "Seconds after the first event (default: the start)")
      ->check(point_in_time);
  sub->add_option("--to", to_s, "Seconds after the first event (default: the end)")
      ->check(point_in_time);
}

void add_dump(CLI::App& app, Commands& commands, DumpOptions& options) {
  CLI::App* sub = app.add_subcommand("dump", "Print a trace, one event per line");
  sub->add_option("FILE", options.file, "Trace")->required();
  sub->add_flag("--json", options.json, "Print JSON lines");
  add_window(sub, options.from_s, options.to_s);
  sub->add_option("--mm", options.mms, "Only what concerns this address space; may be repeated")
      ->allow_extra_args(false);
  sub->add_option("--comm", options.comms,
                  "Only processes of this name (read from the start, where it is told); may be"
                  " repeated")
      ->allow_extra_args(false);
  sub->footer(
      "Events may be out of order by a little: those up to a second late are found.\n\n"
      "Examples:\n  anonvma dump make.trace | grep ' fork '\n"
      "  anonvma dump make.trace --from 2.5 --to 2.6 --mm 17");
  commands.push_back({sub, [&options] { return run_dump(options); }});
}

void add_cut(CLI::App& app, Commands& commands, CutOptions& options) {
  CLI::App* sub =
      app.add_subcommand("cut", "Copy a slice of a trace that replays and verifies by itself");
  sub->add_option("FILE", options.file, "Trace")->required();
  sub->add_option("-o,--output", options.output, "The slice")->required();
  sub->add_flag("--force", options.force, "Overwrite the slice");
  add_window(sub, options.from_s, options.to_s);
  sub->footer(
      "It begins with a snapshot of what the recording kernel's own strategy had then: exact for\n"
      "that one, approximate for others. With the truth lane both ends move to the next moment\n"
      "at which nothing is under way.\n\nExamples:\n"
      "  anonvma cut make.trace -o slice.trace --from 2 --to 3\n"
      "  anonvma cut make.trace -o rest.trace --from 3");
  commands.push_back({sub, [&options] { return run_cut(options); }});
}

void add_anonymize(CLI::App& app, Commands& commands, AnonymizeOptions& options) {
  CLI::App* sub = app.add_subcommand(
      "anonymize", "Copy a trace without names, ids and addresses; replays find what they found");
  sub->add_option("FILE", options.file, "Trace")->required();
  sub->add_option("-o,--output", options.output, "The copy")->required();
  sub->add_flag("--force", options.force, "Overwrite the copy");
  auto* key = sub->add_option_function<std::string>(
      "--key", [&options](const std::string& given) { options.key = given; },
      "Equal keys give equal pseudonyms (default: random, forgotten)");
  sub->add_option("--key-file", options.key_file, "A file whose contents are the key")
      ->excludes(key);
  sub->footer(
      "Goes: command line, comms, pids and tids, addresses, boot id, start time. Stays: what was\n"
      "done, lengths, flags, times, kernel release.\n\nExamples:\n"
      "  anonvma anonymize make.trace -o public.trace\n"
      "  anonvma anonymize make.trace -o public.trace --key-file secret");
  commands.push_back({sub, [&options] { return run_anonymize(options); }});
}

void add_replay(CLI::App& app, Commands& commands, ReplayCommandOptions& options) {
  CLI::App* sub = app.add_subcommand("replay", "Replay a trace under one strategy");
  sub->add_option("FILE", options.file, "Trace")->required();
  sub->add_option("-s,--strategy", options.strategy, "Name, see 'anonvma strategies'")->required();
  add_table_options(sub, options.table);
  sub->footer(
      "Examples:\n"
      "  anonvma replay make.trace --strategy num-children\n"
      "  anonvma replay make.trace --strategy lazy-v1:merge=base --by comm");
  commands.push_back({sub, [&options] { return run_replay(options); }});
}

void add_compare(CLI::App& app, Commands& commands, CompareOptions& options) {
  CLI::App* sub =
      app.add_subcommand("compare", "Replay traces under several strategies: the table");
  sub->add_option("FILE", options.files, "Traces")->required();
  sub->add_option("-s,--strategies", options.strategies,
                  "Comma-separated names and groups (all, mainline, default)")
      ->capture_default_str();
  sub->add_option("--baseline", options.baseline,
                  "Strategy to compare with (default: the recording kernel's own)");
  add_table_options(sub, options.table);
  sub->footer(
      "Examples:\n"
      "  anonvma compare make.trace\n"
      "  anonvma compare make.trace --strategies legacy,num-children --baseline legacy\n"
      "  anonvma compare make.trace --strategies lazy-v1:merge=base,fork=never,cow-context\n"
      "  anonvma compare make.trace --format lkml --at 2.5 --objsize anon_vma=128\n"
      "  anonvma compare a.trace b.trace --strategies all --json");
  commands.push_back({sub, [&options] { return run_compare(options); }});
}

void add_verify(CLI::App& app, Commands& commands, VerifyOptions& options) {
  CLI::App* sub = app.add_subcommand("verify", "Hold the model against the kernel that recorded");
  sub->add_option("FILE", options.file, "Trace, best recorded with --truth")->required();
  sub->add_flag("--json", options.json, "Print JSON");
  add_no_limits(sub, options.no_limits);
  sub->footer(
      "Status 0 only if every lane is equal, 1 if one differs, 3 if it is equal but events were"
      " lost.\n\nExample:\n  sudo anonvma record --truth -o make.trace -- make -j8\n"
      "  anonvma verify make.trace");
  commands.push_back({sub, [&options] { return run_verify(options); }});
}

void add_vectors(CLI::App& app, Commands& commands, VectorsOptions& options) {
  CLI::App* sub = app.add_subcommand("vectors", "Run operation-level test vectors");
  sub->add_option("FILE", options.files, "Files of vectors, .json or .jsonl")->required();
  sub->add_flag("--json", options.json, "Print JSON");
  sub->footer("Example:\n  anonvma vectors vectors.json");
  commands.push_back({sub, [&options] { return run_vectors(options); }});
}

void add_strategies(CLI::App& app, Commands& commands, StrategiesOptions& options) {
  CLI::App* sub = app.add_subcommand("strategies", "What each strategy models");
  sub->add_option("NAME", options.name, "Only this strategy");
  sub->add_flag("--json", options.json, "Print JSON");
  sub->footer("Examples:\n  anonvma strategies\n  anonvma strategies num-children");
  commands.push_back({sub, [&options] { return run_strategies(options); }});
}

struct Options {
  DoctorOptions doctor;
  RecordOptions record;
  InfoOptions info;
  CheckCommandOptions check;
  RepairOptions repair;
  DumpOptions dump;
  CutOptions cut;
  AnonymizeOptions anonymize;
  ReplayCommandOptions replay;
  CompareOptions compare;
  VerifyOptions verify;
  VectorsOptions vectors;
  StrategiesOptions strategies;
};

Commands add_commands(CLI::App& app, Options& options) {
  Commands commands;
  add_doctor(app, commands, options.doctor);
  add_record(app, commands, options.record);
  add_info(app, commands, options.info);
  add_check(app, commands, options.check);
  add_repair(app, commands, options.repair);
  add_dump(app, commands, options.dump);
  add_cut(app, commands, options.cut);
  add_anonymize(app, commands, options.anonymize);
  add_replay(app, commands, options.replay);
  add_compare(app, commands, options.compare);
  add_verify(app, commands, options.verify);
  add_vectors(app, commands, options.vectors);
  add_strategies(app, commands, options.strategies);
  return commands;
}

bool is_command(const Commands& commands, const std::string& word) {
  return std::any_of(commands.begin(), commands.end(),
                     [&](const Command& c) { return c.app->check_name(word); });
}

// Help and --version are printed as they are; everything else is one line that says where to look.
int parse_error(const CLI::App& app, const CLI::ParseError& error, const std::string& command) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
  std::string message = error.what();
  if (!message.empty() && message.back() == '.') message.pop_back();
  return fail({ErrorCode::usage, message + "; see anonvma " + command + "--help"});
}

// As a shell would take it.
std::string command_line(const std::vector<std::string>& words) {
  std::string line = "anonvma";
  for (const std::string& word : words) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
      return std::isalnum(c) ||
             std::string_view("-_=+./,:@%").find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (plain) {
      line += ' ';
      line += word;
      continue;
    }
    line += " '";
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += "'";
  }
  return line;
}

int run(std::vector<std::string> words) {
  CLI::App app(
      "How many vm_area_struct, anon_vma_chain and anon_vma objects a recorded workload costs"
      " under each\nanon_vma design.",
      "anonvma");
  app.set_version_flag("--version", "anonvma " ANONVMA_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  app.footer(
      "Exit status, the first that applies: 2 usage, 77 no privilege, 69 not supported here,\n"
      "65 bad trace, 74 I/O error, 130 interrupted, 1 a finding, 3 events were lost, 0.\n"
      "'anonvma COMMAND --help' has examples.");
  Options options;
  const Commands commands = add_commands(app, options);

  const std::string word = words.empty() ? "" : words.front();
  const bool known = is_command(commands, word);
  if (!known && !word.empty() && word.front() != '-')
    return fail({ErrorCode::usage, "unknown command '" + word + "'; see anonvma --help"});
  // CMD is taken from behind "--" here: CLI11 would read "[ -f x ]" as a list.
  if (const auto dashes = std::find(words.begin(), words.end(), "--");
      word == "record" && dashes != words.end()) {
    options.record.command.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
    if (options.record.command.empty())
      return fail({ErrorCode::usage, "no command behind --; see anonvma record --help"});
  }
  options.compare.table.command = options.replay.table.command = command_line(words);
  std::reverse(words.begin(), words.end());  // the order CLI11 wants
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return parse_error(app, error, known ? word + " " : "");
  }
  for (const Command& c : commands)
    if (c.app->parsed()) return c.run();
  return kUsage;
}

}  // namespace
}  // namespace anonvma::cmd

int main(int argc, char** argv) {
  try {
    anonvma::cmd::set_up_messages();
    return anonvma::cmd::run(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const std::exception& error) {  // out of memory, or a thread that cannot be started
    return anonvma::cmd::fail({anonvma::ErrorCode::io, error.what()});
  }
}
