#include "engine/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <barrier>
#include <bit>
#include <memory>
#include <optional>
#include <thread>

#include "engine/replay/verify.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {
namespace {

// One strategy's run: its account book and its address spaces. That of the recording kernel's own
// strategy is verified on the way.
class Run {
 public:
  Run(const StrategyInfo& strategy, const KernelRules& rules, const Meta& meta, Role role)
      : name_(strategy.name),
        spaces_(rules, meta.page_size, strategy, slab_,
                {role, meta.scope == "system", meta.truth}) {
    if (role == Role::own) verifier_.emplace(meta, slab_, spaces_);
  }

  void feed(std::span<const Event> events, std::uint64_t first) {
    if (verifier_)
      for (const Event& event : events) verifier_->apply(event, first++);
    else
      for (const Event& event : events) spaces_.apply(event, first++);
  }

  std::optional<Verdict> verdict() {
    if (!verifier_) return {};
    return verifier_->finish();
  }

  ReplayResult finish(const Meta& meta) {
    const std::string_view own = own_strategy(meta);
    spaces_.finish();
    ReplayResult result;
    result.strategy = name_;
    for (std::size_t c = 0; c < kNumCaches; ++c)
      result.caches[c] = slab_.usage(static_cast<CacheIndex>(c));
    result.at_start_objs = spaces_.at_start();
    result.root_locks = slab_.root_locks();
    result.map_counts_compared = spaces_.map_counts_compared();
    result.map_count_mismatches = spaces_.map_count_mismatches();
    result.first_mismatch = spaces_.first_mismatch();
    result.anomalies = spaces_.anomalies();
    const bool attached = result.at_start_objs[kVmAreaStruct] > 0;
    if (attached && (result.anomalies[Anomaly::seed_approximate] > 0 || name_ != own))
      result.approximate.emplace_back(
          "objects alive at start were replayed as a life, not taken over");
    if (meta.faults == "first" && name_ != own)
      result.approximate.emplace_back(
          "only the recording kernel's own first faults were recorded (--faults first)");
    return result;
  }

  std::uint64_t mms() const { return spaces_.mms_seen(); }

 private:
  std::string name_;
  SlabAccount slab_;
  AddressSpaces spaces_;
  std::optional<Verifier> verifier_;
};

// Hands each batch to every run. While the workers are busy with one batch the caller decodes the
// next into the other buffer.
class Crew {
 public:
  Crew(std::vector<std::unique_ptr<Run>>& runs, unsigned threads)
      : runs_(runs), turn_(static_cast<std::ptrdiff_t>(threads) + 1) {
    for (unsigned t = 0; t < threads; ++t)
      workers_.emplace_back([this, t, threads] { work(t, threads); });
  }
  ~Crew() {
    wait();
    done_ = true;
    turn_.arrive_and_wait();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // `batch` must live until the next call.
  void give(std::span<const Event> batch, std::uint64_t first) {
    wait();
    batch_ = batch;
    first_ = first;
    turn_.arrive_and_wait();
    busy_ = true;
  }

 private:
  void wait() {
    if (busy_) turn_.arrive_and_wait();
    busy_ = false;
  }
  void work(unsigned self, unsigned threads) {
    for (;;) {
      turn_.arrive_and_wait();
      if (done_) return;
      for (std::size_t r = self; r < runs_.size(); r += threads) runs_[r]->feed(batch_, first_);
      turn_.arrive_and_wait();
    }
  }

  std::vector<std::unique_ptr<Run>>& runs_;
  std::barrier<> turn_;  // orders batch_, first_ and done_ between the threads
  std::span<const Event> batch_;
  std::uint64_t first_ = 0;
  bool busy_ = false;
  bool done_ = false;
  std::vector<std::jthread> workers_;
};

std::string describe(const Error& error) {
  if (error.offset == Error::kNoOffset) return error.message;
  return fmt::format("{} (offset {:#x})", error.message, error.offset);
}

// Feeds the whole trace; returns why it stopped early, empty at the clean end.
std::string feed_all(TraceReader& reader, std::vector<std::unique_ptr<Run>>& runs, unsigned threads,
                     const ReplayOptions& options, std::uint64_t& events) {
  std::vector<Event> buffers[2];  // outlive the crew, which may still read one on the way out
  Crew crew(runs, threads);
  for (unsigned turn = 0;; turn ^= 1) {
    const Result<std::span<const Event>> batch = reader.next();
    if (!batch) return describe(batch.error());
    if (batch->empty()) return {};
    buffers[turn].assign(batch->begin(), batch->end());
    crew.give(buffers[turn], events);
    events += batch->size();
    if (options.progress) options.progress(events);
  }
}

unsigned worker_count(const ReplayOptions& options, std::size_t runs) {
  const unsigned cpus = std::max(1u, std::thread::hardware_concurrency());
  const unsigned wanted = options.threads != 0 ? options.threads : cpus;
  return std::min(wanted, static_cast<unsigned>(runs));
}

}  // namespace

Result<Comparison> replay(TraceReader& reader, const ReplayOptions& options) {
  const Meta& meta = reader.meta();
  if (options.strategies.empty())
    return Error{ErrorCode::usage, "no strategy to replay", Error::kNoOffset};
  if (!std::has_single_bit(meta.page_size) || meta.page_size < 4096 || meta.page_size > 65536)
    return Error{ErrorCode::bad_trace, "header names an impossible page size", Error::kNoOffset};
  KernelRules rules = rules_for(meta);
  if (!options.rules.empty()) {
    const KernelRules* named = find_rules(options.rules);
    if (named == nullptr) {
      std::string known;
      for (const KernelRules& r : known_rules()) known += " " + r.name;
      return Error{ErrorCode::usage, "unknown rules '" + options.rules + "'; known:" + known,
                   Error::kNoOffset};
    }
    rules = *named;
  }

  Comparison comparison;
  TraceSummary& trace = comparison.trace;
  trace.meta = meta;
  trace.own_strategy = own_strategy(meta);
  trace.rules = rules.name;
  std::vector<std::unique_ptr<Run>> runs;
  // Under other rules than the kernel's there is nothing to verify.
  const bool verifies = options.rules.empty() && find_strategy(trace.own_strategy) != nullptr;
  bool own_row = false;
  for (const StrategyInfo* strategy : options.strategies) {
    const bool own = verifies && strategy->name == trace.own_strategy;
    own_row |= own;
    runs.push_back(std::make_unique<Run>(*strategy, rules, meta, own ? Role::own : Role::rival));
  }
  if (verifies && !own_row)
    runs.push_back(
        std::make_unique<Run>(*find_strategy(trace.own_strategy), rules, meta, Role::own));
  trace.damage = feed_all(reader, runs, worker_count(options, runs.size()), options, trace.events);
  for (const auto& run : runs)
    if (auto verdict = run->verdict(); verdict) comparison.verdict = std::move(verdict);
  if (verifies && !own_row) runs.pop_back();
  for (const auto& run : runs) comparison.rows.push_back(run->finish(meta));

  if (comparison.verdict && comparison.verdict->shared_elsewhere > 0)
    for (ReplayResult& row : comparison.rows)
      row.approximate.push_back(
          fmt::format("{} anon_vmas are shared with processes that were not recorded",
                      comparison.verdict->shared_elsewhere));

  trace.hash = reader.hash();
  trace.skipped = reader.skipped();
  trace.mms = runs.front()->mms();
  trace.lost = comparison.rows.front().anomalies[Anomaly::lost_events];
  if (reader.end()) {
    trace.duration_ns = reader.end()->duration_ns;
    trace.lost = std::max(trace.lost, reader.end()->lost);
  }
  return comparison;
}

}  // namespace anonvma
