// anonvma top: the options, and their conflicts.
#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/record/whom.h"
#include "cmd/table/table_options.h"
#include "cmd/top/options.h"
#include "cmd/top/session.h"

namespace anonvma::cmd {
namespace {

std::string interval(const std::string& word) {
  const auto value = number<double>(word);
  const bool good = value && *value >= 0.1 && *value <= 3600;
  return good ? "" : "'" + word + "' is no number of seconds from 0.1 to 3600";
}

std::string pause(const std::string& word) {
  const auto value = number<double>(word);
  const bool good = value && (*value == 0 || (*value >= 2 && *value <= 1e6));
  return good ? "" : "'" + word + "' is no number of seconds from 2, nor 0";
}

int run_top(const TopOptions& given) {
  TopOptions options = given;
  if (options.once) options.count = 1;
  if (const Status s = check_whom(options.record); !s) return fail(s.error());
  const Result<int> status = top(options);
  return status ? *status : fail(status.error());
}

}  // namespace

void add_top(CommandLine& line) {
  const auto [command, options] = line.add(
      "top", "Show what this machine holds now, and what it would hold under other designs",
      run_top);
  line.take_words_behind_dashes("top", options.record.command);
  add_strategies(command, options.strategies, options.baseline, "this kernel's own");
  command.option("-i,--interval", options.interval_s, "Seconds between two looks")
      .check(interval)
      .shows_default();
  command
      .option("--check", options.check_s,
              "Seconds between checks against the kernel's own walk; 0: only on the key c")
      .check(pause)
      .shows_default();
  add_whom(command, options.record);
  add_ring_size(command, options.record);
  const Option once = command.flag("--once", options.once, "Print one interval as text, and end");
  command.option("--count", options.count, "End after so many intervals")
      .between(1, 1000000000)
      .excludes(once);
  command.flag("--json-lines", options.json_lines, "Print a JSON object for each interval");
  command.choice<By>("--by", options.view.by, {{"comm", By::comm}, {"mm", By::mm}},
                     "Owners: commands or mms (default: comm)");
  command.option("--filter", options.view.filter, "Only owners whose name has this text");
  command
      .option("--top", options.owners,
              "How many owners are printed where there is no screen; 0: none")
      .between(0, 1000000)
      .shows_default();
  command.footer(
      "Needs root. ? shows the keys.\n\nExamples:\n"
      "  sudo anonvma top\n"
      "  sudo anonvma top --cgroup system.slice/nginx.service --interval 5\n"
      "  sudo anonvma top --strategies num-children,cow-context -- make -j8\n"
      "  sudo anonvma top --once\n"
      "  sudo anonvma top --json-lines --count 60 > minute.jsonl");
}

}  // namespace anonvma::cmd
