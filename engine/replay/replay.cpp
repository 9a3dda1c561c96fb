#include "engine/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>

#include "engine/replay/row_specs.h"
#include "engine/replay/run.h"
#include "engine/strategy/own.h"
#include "engine/trace/texts.h"

namespace anonvma {
namespace {

using Runs = std::vector<std::unique_ptr<Run>>;

// The result of one pass over the events.
struct Pass {
  std::uint64_t events = 0, bytes = 0;
  Texts texts;
  std::optional<Error> damage;  // why it stopped early; none at the clean end
  // Index of the last event not later than the time asked for.
  std::optional<std::uint64_t> at_event;
  std::unordered_map<MmId, std::uint64_t> first_cgroups;
};

// The budget of each run while the file grows: that of the bytes that were read.
std::optional<Budget> allowed(const TraceReader& reader, const ReplayOptions& options,
                              std::size_t runs) {
  if (!reader.is_live() || !options.limits) return {};
  return budget_for(reader.bytes_read(), runs);
}

// Feeds the whole trace.
Pass feed_all(TraceReader& reader, Runs& runs, const ReplayOptions& options, unsigned threads) {
  Pass pass;
  std::vector<Event> buffers[2];  // outlive the crew, which may still read one on the way out
  Crew crew(runs, threads);
  for (unsigned turn = 0;; turn ^= 1) {
    const Result<std::span<const Event>> batch = reader.next();
    pass.bytes = reader.bytes_read();
    if (!batch) pass.damage = batch.error();
    if (!batch || batch->empty()) return pass;
    buffers[turn].assign(batch->begin(), batch->end());
    if (!crew.give(buffers[turn], pass.events, allowed(reader, options, runs.size()))) return pass;
    for (std::size_t i = 0; options.at_s && i < buffers[turn].size(); ++i)
      if (static_cast<double>(buffers[turn][i].head.time_ns) <= *options.at_s * 1e9)
        pass.at_event = pass.events + i;
    for (const Event& event : buffers[turn])
      if (const auto* text = std::get_if<Text>(&event.body))
        pass.texts.take(*text);
      else if (const auto* in = std::get_if<InCgroup>(&event.body))
        pass.first_cgroups.try_emplace(event.head.mm, in->cgroup);
    pass.events += batch->size();
    if (options.progress) options.progress(pass.events, reader.bytes_read());
  }
}

// The error at the first event, over all runs, that exceeded a budget.
std::optional<Error> gave_up(const Runs& runs, std::uint64_t file_bytes) {
  const Run* first = nullptr;
  for (const auto& run : runs)
    if (run->gave_up() && (first == nullptr || *run->gave_up() < *first->gave_up()))
      first = run.get();
  if (first == nullptr) return {};
  const RunPlan& plan = first->plan();
  return over_budget_at(*first->gave_up(), plan.strategy.name(), plan.budget, file_bytes);
}

unsigned worker_count(const ReplayOptions& options, std::size_t runs) {
  const unsigned cpus = std::max(1u, std::thread::hardware_concurrency());
  const unsigned wanted = options.threads != 0 ? options.threads : cpus;
  return std::min(wanted, static_cast<unsigned>(runs));
}

// The second pass may have two runs for each row.
Budget budget_of_each(const TraceReader& reader, const ReplayOptions& options,
                      bool verifies_apart) {
  if (!options.limits) return {};
  const std::size_t rows = options.strategies.size();
  const bool twice = options.observe_peak && options.at_s;
  return budget_for(reader.bytes(),
                    std::max(rows + (verifies_apart ? 1 : 0), rows * (twice ? 2 : 1)));
}

// The rules of a strategy's own era.
KernelRules era_rules(const StrategyInfo& strategy, const KernelRules& recorder) {
  const KernelRules* own = strategy.era.empty() ? nullptr : find_rules(strategy.era);
  return own != nullptr ? *own : recorder;
}

Result<std::vector<RunPlan>> make_plans(const Meta& meta, const ReplayOptions& options,
                                        std::string_view own) {
  KernelRules rules = rules_for(meta);
  if (!options.rules.empty()) {
    const Result<KernelRules> named = rules_named(options.rules);
    if (!named) return named.error();
    rules = *named;
  }
  std::vector<RunPlan> plans;
  for (const StrategyChoice& strategy : options.strategies) {
    const bool is_own = options.rules.empty() && strategy.info->name == own;
    const bool of_era = options.era_accurate && !is_own;
    plans.push_back({strategy, of_era ? era_rules(*strategy.info, rules) : rules,
                     row_specs(meta, *strategy.info, options), is_own ? Role::own : Role::rival,
                     options.slub, options.check_reach, options.timeline, options.family});
  }
  return plans;
}

// A second pass, which stops at the moments that the first pass has found.
void look_again(TraceReader& reader, const std::vector<RunPlan>& plans,
                const ReplayOptions& options, const Pass& first, std::vector<ReplayResult>& rows) {
  const Meta& meta = reader.meta();
  Runs runs;
  std::vector<Moment*> moments;
  const auto stop = [&](RunPlan plan, std::uint64_t event, Moment& moment) {
    plan.slub = plan.check_reach = plan.timeline = false;
    runs.push_back(std::make_unique<Run>(plan, meta));
    runs.back()->stop_after(event);
    moments.push_back(&moment);
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ReplayResult& row = rows[i];
    if (options.at_s && first.at_event) stop(plans[i], *first.at_event, row.at.emplace());
    if (options.at_s && !first.at_event) row.at.emplace();  // before the first event
    if (!options.observe_peak) continue;
    if (row.peak.slab.objs == row.end.slab.objs && row.peak.slab.event == row.end.slab.event)
      row.peak = row.end;
    else
      stop(plans[i], row.peak.slab.event, row.peak);
  }
  if (runs.empty()) return;
  ReplayOptions quiet = options;
  quiet.progress = {};
  if (options.progress)
    quiet.progress = [&](std::uint64_t events, std::uint64_t bytes) {
      options.progress(first.events + events, first.bytes + bytes);
    };
  quiet.at_s = {};
  feed_all(reader, runs, quiet, worker_count(options, runs.size()));
  for (std::size_t i = 0; i < runs.size(); ++i) *moments[i] = runs[i]->look();
}

// The first cgroup of an mm is told behind its snapshot, and counts from there on. A text that is
// missing is replaced by its number.
void name_holders(Moment& moment, const Pass& pass) {
  for (Holder& holder : moment.holders) {
    if (holder.vma_name != 0) {
      const auto text = pass.texts.find(TextKind::vma_name, holder.vma_name);
      holder.name_text = !text           ? fmt::format("(name {})", holder.vma_name)
                         : text->empty() ? std::string("(empty name)")
                                         : std::string(*text);
    }
    if (const auto first = pass.first_cgroups.find(holder.mm);
        holder.cgroup == 0 && first != pass.first_cgroups.end())
      holder.cgroup = first->second;
    if (holder.cgroup == 0) continue;
    const auto path = pass.texts.find(TextKind::cgroup, holder.cgroup);
    holder.cgroup_path = path ? std::string(*path) : fmt::format("(cgroup {})", holder.cgroup);
  }
}

}  // namespace

std::string describe(const Error& error) {
  if (error.offset == Error::kNoOffset) return error.message;
  return fmt::format("{} (offset {:#x})", error.message, error.offset);
}

Error over_budget_at(std::uint64_t event, const std::string& strategy, const Budget& budget,
                     std::uint64_t file_bytes) {
  return {ErrorCode::bad_trace,
          fmt::format("event {} takes {} beyond the {} MiB of memory or {} million steps that "
                      "are allowed for {} bytes of trace (--no-limits replays it all the same)",
                      event, strategy, budget.bytes >> 20, budget.steps / 1'000'000, file_bytes),
          Error::kNoOffset};
}

Status check_page_size(const Meta& meta) {
  const auto is_size = [](std::uint64_t bytes, std::uint64_t least, std::uint64_t most) {
    return std::has_single_bit(bytes) && bytes >= least && bytes <= most;
  };
  if (!is_size(meta.page_size, 4096, 65536) || !is_size(meta.huge_page_bytes, 4096, 1ull << 40))
    return Error{ErrorCode::bad_trace, "header names an impossible page size", Error::kNoOffset};
  return ok();
}

Result<Comparison> replay(TraceReader& reader, const ReplayOptions& options) {
  const Meta& meta = reader.meta();
  if (options.strategies.empty())
    return Error{ErrorCode::usage, "no strategy to replay", Error::kNoOffset};
  if (const Status status = check_page_size(meta); !status) return status.error();

  Comparison comparison;
  TraceSummary& trace = comparison.trace;
  trace.meta = meta;
  trace.own_strategy = own_strategy(meta);
  Result<std::vector<RunPlan>> plans = make_plans(meta, options, trace.own_strategy);
  if (!plans) return plans.error();
  trace.rules = options.rules.empty() ? rules_for(meta).name : find_rules(options.rules)->name;
  comparison.at_s = options.at_s;

  const bool own_row = std::any_of(plans->begin(), plans->end(),
                                   [](const RunPlan& plan) { return plan.role == Role::own; });
  // Under other rules than the kernel's there is nothing to verify.
  const StrategyInfo* own = find_strategy(trace.own_strategy);
  const bool verifies_apart = options.rules.empty() && own != nullptr && !own_row;
  const Budget budget = budget_of_each(reader, options, verifies_apart);
  Runs runs;
  for (RunPlan& plan : *plans) {
    plan.budget = budget;
    runs.push_back(std::make_unique<Run>(plan, meta));
  }
  if (verifies_apart)
    runs.push_back(std::make_unique<Run>(RunPlan{.strategy = *own,
                                                 .rules = rules_for(meta),
                                                 .specs = row_specs(meta, *own, options),
                                                 .role = Role::own,
                                                 .budget = budget},
                                         meta));
  const Pass pass = feed_all(reader, runs, options, worker_count(options, runs.size()));
  if (auto error = gave_up(runs, reader.is_live() ? reader.bytes_read() : reader.bytes()))
    return *error;
  trace.events = pass.events;
  if (pass.damage && pass.damage->code != ErrorCode::bad_trace) return *pass.damage;
  if (pass.damage) trace.damage = describe(*pass.damage);
  for (const auto& run : runs)
    if (auto verdict = run->verdict(); verdict) comparison.verdict = std::move(verdict);
  if (verifies_apart) runs.pop_back();
  for (const auto& run : runs) comparison.rows.push_back(run->finish(meta));
  trace.mms = runs.front()->mms();
  runs.clear();

  if (comparison.verdict && comparison.verdict->shared_elsewhere > 0)
    for (ReplayResult& row : comparison.rows)
      row.approximate.push_back(
          fmt::format("{} anon_vmas are shared with processes that were not recorded",
                      comparison.verdict->shared_elsewhere));

  trace.hash = reader.hash();
  trace.skipped = reader.skipped();
  trace.lost = comparison.rows.front().anomalies[Anomaly::lost_events];
  trace.tainted_mms = comparison.rows.front().anomalies[Anomaly::tainted_mms];
  trace.tainted_at_end = comparison.rows.front().anomalies[Anomaly::tainted_at_end];
  if (reader.end()) {
    trace.duration_ns = reader.end()->duration_ns;
    trace.lost = std::max(trace.lost, reader.end()->lost);
  }
  if (options.observe_peak || options.at_s) {
    Result<TraceReader> again = reader.again();
    if (!again) return again.error();
    look_again(*again, *plans, options, pass, comparison.rows);
  }
  for (ReplayResult& row : comparison.rows) {
    name_holders(row.end, pass);
    name_holders(row.peak, pass);
    if (row.at) name_holders(*row.at, pass);
  }
  return comparison;
}

}  // namespace anonvma
