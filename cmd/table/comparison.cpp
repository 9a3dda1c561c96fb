#include "cmd/table/comparison.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "cmd/exit.h"
#include "cmd/files/open_trace.h"
#include "cmd/messages.h"
#include "cmd/progress.h"
#include "cmd/quantities.h"
#include "engine/replay/replay.h"
#include "engine/replay/row_specs.h"
#include "engine/report/rows.h"
#include "engine/strategy/own.h"
#include "engine/strategy/selection.h"
#include "engine/trace/reader.h"
#include "engine/vma/kernel_rules.h"

namespace anonvma::cmd {

namespace {

Result<ReplayOptions> replay_options(const ComparisonRequest& request) {
  const TableOptions& table = request.table;
  ReplayOptions options;
  if (!table.rules.empty())
    if (const auto rules = rules_named(table.rules); !rules) return rules.error();
  options.rules = table.rules;
  options.era_accurate = table.era_accurate;
  options.at_s = table.at_s;
  options.threads = table.threads;
  options.limits = !table.no_limits;
  options.slub = table.slub;
  options.check_reach = table.check_reach;
  options.timeline = table.timeline;
  options.family = table.family;
  options.observe_peak = !request.own_only;
  for (const std::string& text : table.objsizes) {
    const auto objsize = parse_objsize(text);
    if (!objsize) return objsize.error();
    options.objsizes.push_back(*objsize);
  }
  return options;
}

}  // namespace

Result<Comparison> run_comparison(const ComparisonRequest& request) {
  // A wrong strategy name is reported first, whatever is in the file.
  if (auto named = select_strategies(request.strategies, request.baseline, ""); !named)
    return named.error();
  Result<ReplayOptions> options = replay_options(request);
  if (!options) return options.error();

  const std::string path = shown_path(request.file);
  Result<OpenTrace> trace =
      open_trace(request.file, passes(*options) > 1 ? ReadTimes::twice : ReadTimes::once);
  if (!trace) return trace.error();
  TraceReader& reader = trace->reader;

  const std::string_view own = own_strategy(reader.meta());
  auto selection = select_strategies(request.strategies, request.baseline, own);
  if (!selection) return selection.error();
  options->strategies = selection->strategies;
  if (request.own_only && find_strategy(own) != nullptr)
    options->strategies = {*find_strategy(own)};

  const auto times = static_cast<std::uint64_t>(passes(*options));
  Progress progress(path, times * trace->total_bytes);
  options->progress = [&progress](std::uint64_t events, std::uint64_t bytes) {
    progress.show(events, bytes);
  };
  Result<Comparison> comparison = replay(reader, *options);
  if (!comparison) {
    const Error& error = comparison.error();
    return error.code == ErrorCode::usage ? error : in_file(path, error);
  }
  spdlog::debug("{}: {} events, {}, read {} under {} strategies in {}", path,
                comparison->trace.events, size_text(reader.bytes_read()),
                times == 1 ? "once" : "twice", comparison->rows.size(),
                time_text(progress.elapsed_ns()));
  comparison->trace.path = path;
  comparison->trace.command = request.table.command;
  comparison->baseline = selection->baseline;
  return comparison;
}

int comparison_status(const Comparison& comparison) {
  const TraceSummary& trace = comparison.trace;
  if (!trace.damage.empty()) return fail(in_file(trace.path, {ErrorCode::bad_trace, trace.damage}));
  if (worst_severity(comparison) == Severity::error) return kFinding;
  for (const ReplayResult& row : comparison.rows)
    if (row.reach && row.reach->findings > 0) return kFinding;
  return trace.lost != 0 ? kEventsLost : kOk;
}

}  // namespace anonvma::cmd
