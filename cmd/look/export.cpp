// anonvma export FILE: results for other programs.
#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/output_file.h"
#include "cmd/look/look_options.h"
#include "cmd/look/sqlite_file.h"
#include "cmd/messages.h"
#include "cmd/table/comparison.h"
#include "engine/report/export/result_tables.h"
#include "engine/report/export/series.h"

namespace anonvma::cmd {
namespace {

namespace fs = std::filesystem;

enum class Kind : std::uint8_t { none, csv, json, perfetto, sqlite };

struct ExportOptions {
  std::string file, output;
  std::string strategies = "default";
  Kind kind = Kind::none;
  bool force = false, no_limits = false;
};

bool shows_processes(Kind kind) { return kind == Kind::perfetto || kind == Kind::sqlite; }

// The lives of the mms, for what shows processes.
Result<Lives> lives_of(const ExportOptions& options) {
  CommonLookOptions look;
  look.file = options.file;
  look.no_limits = options.no_limits;
  const Result<Looked> looked = Looked::open(look);
  if (!looked) return looked.error();
  return looked->survey().lives;
}

Result<std::string> exported(const ExportOptions& options, const Comparison& comparison) {
  switch (options.kind) {
    case Kind::csv:
      return series_csv(comparison);
    case Kind::json:
      return series_json(comparison);
    case Kind::perfetto:
    case Kind::sqlite:
    case Kind::none:
      break;
  }
  const Result<Lives> lives = lives_of(options);
  if (!lives) return lives.error();
  if (options.kind == Kind::perfetto) return series_perfetto(comparison, lives->all());
  const auto bytes = sqlite_bytes(result_tables(comparison, lives->all()));
  if (!bytes) return bytes.error();
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

int run_export(const ExportOptions& options) {
  if (options.kind == Kind::none)
    return fail({ErrorCode::usage,
                 "choose --csv, --json, --perfetto or --sqlite; see anonvma export --help"});
  if (options.kind == Kind::sqlite && options.output.empty())
    return fail({ErrorCode::usage, "--sqlite writes a database: name its file with -o"});
  std::error_code none;
  if (shows_processes(options.kind) && (options.file == "-" || fs::is_fifo(options.file, none)))
    return fail(
        in_file(shown_path(options.file), {ErrorCode::usage,
                                           "--perfetto and --sqlite read a trace twice: save it to "
                                           "a file first"}));
  TableOptions table;
  table.no_limits = options.no_limits;
  table.timeline = true;
  const auto comparison = run_comparison({options.file, options.strategies, "", table});
  if (!comparison) return fail(comparison.error());
  if (comparison->trace.events == 0)
    return fail(in_file(options.file,
                        {ErrorCode::bad_trace, comparison->trace.damage.empty()
                                                   ? "it has no events: there is nothing to export"
                                                   : comparison->trace.damage}));
  const Result<std::string> text = exported(options, *comparison);
  if (!text) return fail(text.error());
  if (options.output.empty()) {
    if (const int status = print_result(*text); status != kOk) return status;
  } else if (const Status written = write_file(options.output, options.force, *text); !written) {
    return fail(written.error());
  }
  return comparison_status(*comparison);
}

}  // namespace

void add_export(CommandLine& line) {
  const auto [command, options] =
      line.add("export", "Results for other programs: series, Perfetto, SQLite", run_export);
  Kind& kind = options.kind;
  command.option("FILE", options.file, "Trace").required();
  command.option("-o,--output", options.output, "File to write (default: standard output)");
  command.flag("--force", options.force, "Overwrite the file");
  add_strategies(command, options.strategies);
  const Option csv = command.flag(
      "--csv", [&kind] { kind = Kind::csv; }, "Objects over time, a line each");
  const Option json =
      command
          .flag(
              "--json", [&kind] { kind = Kind::json; }, "Objects over time, as arrays")
          .excludes(csv);
  const Option perfetto = command
                              .flag(
                                  "--perfetto", [&kind] { kind = Kind::perfetto; },
                                  "A trace for ui.perfetto.dev: counters, processes, forks")
                              .excludes(csv)
                              .excludes(json);
  command
      .flag(
          "--sqlite", [&kind] { kind = Kind::sqlite; }, "A database with all result tables")
      .excludes(csv)
      .excludes(json)
      .excludes(perfetto);
  add_no_limits(command, options.no_limits);
  command.footer(
      "Series have at most 2048 points: longer traces have wider ones.\n\nExamples:\n"
      "  anonvma export make.trace --csv > series.csv\n"
      "  anonvma export make.trace --perfetto -o make.json    # open it in ui.perfetto.dev\n"
      "  anonvma export make.trace --sqlite -o make.db\n"
      "  sqlite3 make.db 'select strategy, max(max_bytes) from sum_series group by 1'");
}

}  // namespace anonvma::cmd
