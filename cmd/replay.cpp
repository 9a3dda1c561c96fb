#include "cmd/commands.h"
#include "cmd/comparison.h"
#include "cmd/messages.h"

namespace anonvma::cmd {

int run_replay(const ReplayCommandOptions& options) {
  // The baseline is the strategy itself: a single row, and no groups.
  TableOptions table = options.table;
  table.slub = true;
  const auto comparison = run_comparison({options.file, options.strategy, options.strategy, table});
  if (!comparison) return fail(comparison.error());
  ReportOptions report = options.table.report;
  report.in_depth = true;
  if (const int status = print_result(render(*comparison, report)); status != kOk) return status;
  return comparison_status(*comparison);
}

}  // namespace anonvma::cmd
