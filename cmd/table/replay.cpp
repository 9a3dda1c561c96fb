#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/messages.h"
#include "cmd/table/comparison.h"

namespace anonvma::cmd {
namespace {

struct ReplayCommandOptions {
  std::string file;
  std::string strategy;
  TableOptions table;
};

int run_replay(const ReplayCommandOptions& options) {
  // The baseline is the strategy itself: a single row, and no groups.
  TableOptions table = options.table;
  table.slub = true;
  const auto comparison = run_comparison({options.file, options.strategy, options.strategy, table});
  if (!comparison) return fail(comparison.error());
  ReportOptions report = report_of(options.table);
  report.in_depth = true;
  const int status = show_result(render(*comparison, report), options.table.screen);
  if (status != kOk) return status;
  return comparison_status(*comparison);
}

}  // namespace

void add_replay(CommandLine& line) {
  const auto [command, options] =
      line.add("replay", "Replay a trace under one strategy", run_replay);
  options.table.command = line.text();
  command.option("FILE", options.file, "Trace; - is standard input").required();
  command.option("-s,--strategy", options.strategy, "Name, see 'anonvma strategies'").required();
  add_table_options(command, options.table,
                    "All tables: by operation, slabs, walks, and all that they rest on");
  command.footer(
      "Examples:\n"
      "  anonvma replay make.trace --strategy num-children\n"
      "  anonvma replay make.trace --strategy lazy-v1:merge=base --by comm");
}

}  // namespace anonvma::cmd
