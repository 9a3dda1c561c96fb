#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/messages.h"
#include "cmd/table/comparison.h"
#include "cmd/table/plot_options.h"

namespace anonvma::cmd {
namespace {

struct CompareOptions {
  std::vector<std::string> files;
  std::string strategies = "default";  // comma-separated names and groups
  std::string baseline;                // empty: the recording kernel's own
  TableOptions table;
  PlotRequest plot;
};

std::string plots(const std::vector<Comparison>& comparisons, const PlotOptions& options) {
  std::vector<std::string> blocks;
  for (const Comparison& comparison : comparisons)
    blocks.push_back(render_plot(comparison, options));
  return paragraphs(blocks);
}

std::string result_text(const std::vector<Comparison>& comparisons, const CompareOptions& options) {
  if (options.plot.plot)
    return plots(comparisons, plot_options(options.plot, options.table.screen));
  const ReportOptions report = report_of(options.table);
  if (options.files.size() > 1) return render_all(comparisons, report);
  return comparisons.empty() ? "" : render(comparisons.front(), report);
}

int run_compare(const CompareOptions& options) {
  TableOptions table = options.table;
  table.timeline = options.plot.plot;
  int status = kOk;
  std::vector<Comparison> comparisons;
  for (const std::string& file : options.files) {
    auto comparison = run_comparison({file, options.strategies, options.baseline, table});
    if (!comparison) {
      const int failed = fail(comparison.error());
      if (failed == kUsage) return kUsage;  // the same error for every file
      status = first_that_applies(status, failed);
      continue;
    }
    comparisons.push_back(std::move(*comparison));
  }
  if (comparisons.empty() && options.table.report.format != Format::json) return status;
  if (show_result(result_text(comparisons, options), options.table.screen) != kOk) return kIoError;
  for (const Comparison& comparison : comparisons)
    status = first_that_applies(status, comparison_status(comparison));
  return status;
}

}  // namespace

void add_compare(CommandLine& line) {
  const auto [command, options] =
      line.add("compare", "Replay traces under several strategies: the table", run_compare);
  options.table.command = line.text();
  command.option("FILE", options.files, "Traces; - is standard input").required();
  add_strategies(command, options.strategies, options.baseline);
  const std::vector<Option> of_tables =
      add_table_options(command, options.table, "All tables, and all that they rest on");
  add_plot_options(command, options.plot, of_tables);
  command.footer(
      "Examples:\n"
      "  anonvma compare make.trace\n"
      "  anonvma compare make.trace --full\n"
      "  sudo anonvma record -o - -- make -j8 | anonvma compare -\n"
      "  anonvma compare make.trace --strategies legacy,num-children --baseline legacy\n"
      "  anonvma compare make.trace --strategies lazy-v1:merge=base,fork=never,cow-context\n"
      "  anonvma compare make.trace --format lkml --at 2.5 --objsize anon_vma=128\n"
      "  anonvma compare make.trace --plot --of anon_vma\n"
      "  anonvma compare a.trace b.trace --strategies all --json");
}

}  // namespace anonvma::cmd
