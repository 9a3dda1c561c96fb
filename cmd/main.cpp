// The command line. The only file that knows CLI11: each subcommand's options become a plain
// struct.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "cmd/commands.h"
#include "cmd/messages.h"

namespace anonvma::cmd {
namespace {

struct Command {
  CLI::App* app;
  std::function<int()> run;
};
using Commands = std::vector<Command>;

void add_format(CLI::App* sub, std::string& format) {
  sub->add_option("--format", format, "How to print")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  sub->add_flag_callback(
      "--json", [&format] { format = "json"; }, "The same as --format json");
}

void add_rules(CLI::App* sub, std::string& rules) {
  sub->add_option("--rules", rules, "Rules of the VMA layer (default: the recording kernel's)");
}

void add_check_reach(CLI::App* sub, bool& check) {
  sub->add_flag("--check-reach", check,
                "Also check that reverse-map walks find every page; a lost one is a finding");
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
  sub->add_option("--ring-mib", options.ring_mib, "Size of the ring buffer in MiB")
      ->check(ring_size)
      ->capture_default_str();
  sub->add_flag("-q,--quiet", options.quiet, "No progress and no summary");
  sub->footer(
      "anonvma record [OPTIONS] -- CMD... records CMD and all its descendants; without CMD and "
      "--pid\n"
      "the whole system is recorded. Needs root.\n\nExamples:\n"
      "  sudo anonvma record -o make.trace -- make -j8\n"
      "  sudo anonvma record --duration 60\n"
      "  sudo anonvma record --pid 4711 --truth");
  commands.push_back({sub, [&options] { return run_record(options); }});
}

void add_info(CLI::App& app, Commands& commands, InfoOptions& options) {
  CLI::App* sub = app.add_subcommand("info", "What a trace holds and where it was recorded");
  sub->add_option("FILE", options.file, "Trace")->required();
  sub->add_flag("--json", options.json, "Print JSON");
  sub->footer("Example:\n  anonvma info make.trace");
  commands.push_back({sub, [&options] { return run_info(options); }});
}

void add_dump(CLI::App& app, Commands& commands, DumpOptions& options) {
  CLI::App* sub = app.add_subcommand("dump", "Print a trace, one event per line");
  sub->add_option("FILE", options.file, "Trace")->required();
  sub->add_flag("--json", options.json, "Print JSON lines");
  sub->footer("Example:\n  anonvma dump make.trace | grep ' fork '");
  commands.push_back({sub, [&options] { return run_dump(options); }});
}

void add_replay(CLI::App& app, Commands& commands, ReplayCommandOptions& options) {
  CLI::App* sub = app.add_subcommand("replay", "Replay a trace under one strategy");
  sub->add_option("FILE", options.file, "Trace")->required();
  sub->add_option("-s,--strategy", options.strategy, "Name, see 'anonvma strategies'")->required();
  add_rules(sub, options.rules);
  add_check_reach(sub, options.check_reach);
  add_format(sub, options.format);
  sub->footer("Example:\n  anonvma replay make.trace --strategy num-children");
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
  add_rules(sub, options.rules);
  sub->add_option("--threads", options.threads,
                  "Worker threads (default: one per strategy and CPU)")
      ->check(CLI::Range(1, 1024));
  add_check_reach(sub, options.check_reach);
  add_format(sub, options.format);
  sub->footer(
      "Examples:\n"
      "  anonvma compare make.trace\n"
      "  anonvma compare make.trace --strategies legacy,num-children --baseline legacy\n"
      "  anonvma compare a.trace b.trace --strategies all --json");
  commands.push_back({sub, [&options] { return run_compare(options); }});
}

void add_verify(CLI::App& app, Commands& commands, VerifyOptions& options) {
  CLI::App* sub = app.add_subcommand("verify", "Hold the model against the kernel that recorded");
  sub->add_option("FILE", options.file, "Trace, best recorded with --truth")->required();
  sub->add_flag("--json", options.json, "Print JSON");
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
  DumpOptions dump;
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
  add_dump(app, commands, options.dump);
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
