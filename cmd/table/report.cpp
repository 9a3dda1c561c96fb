// anonvma report FILE... -o report.html: one file to look at, for a browser or a document.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <span>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/output_file.h"
#include "cmd/files/rewrite.h"
#include "cmd/messages.h"
#include "cmd/table/comparison.h"
#include "engine/report/html/html.h"
#include "engine/report/picture/svg.h"

namespace anonvma::cmd {
namespace {

enum class Page : std::uint8_t { html, svg };

struct ReportCommandOptions {
  std::vector<std::string> files;
  std::string output;
  Page page = Page::html;
  bool force = false;
  std::string strategies = "default";
  std::string baseline;
  TableOptions table;
};

Result<std::string> rendered(std::span<const Comparison> comparisons, Page page) {
  if (page == Page::svg) return render_svg(comparisons);
  const std::optional<ChartLibrary> charts = chart_library();
  if (!charts)
    spdlog::warn(
        "this build has no uPlot, so the charts are plain pictures: run scripts/setup and build "
        "again");
  return render_html(comparisons, charts);
}

// Fails before the replay where the page could not be written after it. Leaves no file.
Status can_write(const ReportCommandOptions& options) {
  for (const std::string& file : options.files)
    if (const Status other = is_not_source(options.output, file); !other) return other;
  if (options.output == "-") return ok();
  const Result<OutputFile> file = OutputFile::create(options.output, options.force);
  return file ? ok() : Status(file.error());
}

int print_page(const std::string& page, const ReportCommandOptions& options) {
  if (options.output == "-") return print_result(page);
  const Status written = write_file(options.output, options.force, page);
  if (!written) return fail(written.error());
  return print_result(
      fmt::format("{}: {} KiB\n", one_line(options.output), (page.size() + 1023) / 1024));
}

int run_report(const ReportCommandOptions& options) {
  if (const Status possible = can_write(options); !possible) return fail(possible.error());
  int status = kOk;
  std::vector<Comparison> comparisons;
  for (const std::string& file : options.files) {
    auto comparison = run_comparison({file, options.strategies, options.baseline, options.table});
    if (!comparison) return fail(comparison.error());
    status = first_that_applies(status, comparison_status(*comparison));
    comparisons.push_back(std::move(*comparison));
  }
  const Result<std::string> page = rendered(comparisons, options.page);
  if (!page) return fail(page.error());
  return first_that_applies(print_page(*page, options), status);
}

}  // namespace

void add_report(CommandLine& line) {
  const auto [command, options] =
      line.add("report", "Charts and tables of traces as one HTML or SVG file", run_report);
  options.table.command = line.text();
  options.table.timeline = options.table.family = true;
  command.option("FILE", options.files, "Traces; - is standard input").required();
  command.option("-o,--output", options.output, "The file to write; - is standard output")
      .required();
  command.choice<Page>("--format", options.page, {{"html", Page::html}, {"svg", Page::svg}},
                       "A page for a browser (default), or a picture for a document");
  command.flag("--force", options.force, "Overwrite the file");
  add_strategies(command, options.strategies, options.baseline);
  add_replay_options(command, options.table);
  command.footer(
      "The HTML file needs no network and is at most 2 MiB.\n\n"
      "Examples:\n"
      "  anonvma report make.trace -o report.html\n"
      "  anonvma report before.trace after.trace --strategies all -o both.html\n"
      "  anonvma report make.trace --format svg -o figure.svg");
}

}  // namespace anonvma::cmd
