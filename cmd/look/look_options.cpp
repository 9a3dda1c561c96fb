#include "cmd/look/look_options.h"

#include "cmd/exit.h"
#include "cmd/messages.h"
#include "cmd/record/memory_output.h"
#include "cmd/record/session.h"
#include "cmd/record/whom.h"
#include "cmd/table/table_options.h"
#include "engine/strategy/own.h"
#include "engine/strategy/selection.h"

namespace anonvma::cmd {
namespace {

// The one strategy that `name` means.
Result<StrategyChoice> one_strategy(const std::string& name) {
  const auto selection = select_strategies(name, name, "");
  if (!selection) return selection.error();
  return selection->strategies.front();
}

constexpr std::uint64_t kMostRecorded = 1u << 30;  // bytes of memory

Result<TraceSource> record_now(const CommonLookOptions& options) {
  if (const Status status = check_whom(options.record); !status) return status.error();
  RecordOptions record = options.record;
  record.quiet = true;
  if (record.duration_s == 0) record.duration_s = 1;
  MemoryOutput output(kMostRecorded);
  if (const Result<int> status = record_into(output, record); !status) return status.error();
  return TraceSource{.name = "this machine", .file = {}, .recorded = output.take()};
}

Result<TraceSource> find_trace(const CommonLookOptions& options) {
  if (options.live != options.file.empty())
    return Error{ErrorCode::usage, options.live
                                       ? "--live records a trace of its own: leave out FILE"
                                       : "FILE is required, or --live"};
  if (options.live) return record_now(options);
  if (!options.record.pids.empty() || !options.record.cgroup.empty())
    return Error{ErrorCode::usage, "--pid and --cgroup say what --live records"};
  Result<MappedFile> file = MappedFile::open(options.file);
  if (!file) return file.error();
  return TraceSource{.name = shown_path(options.file), .file = std::move(*file), .recorded = {}};
}

}  // namespace

void add_look_options(const Subcommand& command, CommonLookOptions& options) {
  command.option("FILE", options.file, "Trace");
  const Option live = command.flag("--live", options.live,
                                   "Look at this machine as it is, after a short recording");
  add_duration(command, options.record, "Seconds of that recording (default: 1)").needs(live);
  add_whom(command, options.record);
  command
      .option(
          "--at", options.at_s,
          "Seconds after the first event (default: the peak of the sum of all objects, and with "
          "--live the end)")
      .check(point_in_time)
      .excludes(live);
  command.option("-s,--strategy", options.strategy,
                 "Design, see 'anonvma strategies' (default: the recording kernel's own)");
  add_no_limits(command, options.no_limits);
  add_no_pager(command, options.screen);
}

Looked::Looked(CommonLookOptions options, TraceSource source, TraceReader reader, Survey survey)
    : options_(std::move(options)),
      source_(std::move(source)),
      reader_(std::move(reader)),
      survey_(std::move(survey)) {}

Result<Looked> Looked::open(const CommonLookOptions& options) {
  // A wrong strategy name is reported first, whatever is in the file.
  if (!options.strategy.empty())
    if (const auto named = one_strategy(options.strategy); !named) return named.error();
  Result<TraceSource> source = find_trace(options);
  if (!source) return source.error();
  Result<TraceReader> reader = TraceReader::open(source->bytes());
  if (!reader) return in_file(source->name, reader.error());
  Result<Survey> found =
      anonvma::survey(*reader, options.at_s, look_budget(*reader, !options.no_limits));
  if (!found) return in_file(source->name, found.error());
  return Looked(options, std::move(*source), std::move(*reader), std::move(*found));
}

Result<StrategyChoice> Looked::strategy(const std::string& design) const {
  if (!design.empty()) return one_strategy(design);
  const StrategyInfo* const own = find_strategy(own_strategy(survey_.meta));
  if (own == nullptr)
    return in_file(
        name(), {ErrorCode::not_supported,
                 "the recording kernel's own strategy is not known: choose one with --strategy"});
  return StrategyChoice(*own);
}

Result<Look> Looked::look(const std::string& design) {
  const Result<StrategyChoice> choice = strategy(design);
  if (!choice) return choice.error();
  return Look(reader_, survey_, *choice,
              {.at_s = options_.at_s,
               .at_end = options_.live,
               .limits = !options_.no_limits,
               .path = name()});
}

int Looked::status() const {
  if (!survey_.damage.empty()) return fail(in_file(name(), {ErrorCode::bad_trace, survey_.damage}));
  return survey_.lost != 0 ? kEventsLost : kOk;
}

}  // namespace anonvma::cmd
