#include "engine/replay/run.h"

#include <fmt/format.h>

#include "engine/replay/observe.h"
#include "engine/strategy/own.h"

namespace anonvma {

// A kernel with `degree` has one counter where other designs have two. The snapshots at the start
// of a slice agree with each other.
bool counts_anew(const Meta& meta, const StrategyInfo& strategy) {
  return (meta.scope == "system" && !is_slice(meta)) ||
         (own_counters(meta) == Counters::degree && strategy.page().counters != Counters::degree);
}

// False if relatives of the recorded processes may be elsewhere.
bool sees_families(const Meta& meta) { return meta.scope != "pid" && meta.scope != "cgroup"; }

Setting setting_for(const Meta& meta, const StrategyInfo& strategy, Role role) {
  return {.role = role,
          .counts_anew = counts_anew(meta, strategy),
          .tells_steps = meta.truth,
          .sees_families = sees_families(meta),
          .stack_guard_pages = meta.stack_guard_pages,
          .huge_page_bytes = meta.huge_page_bytes};
}

Run::Run(const RunPlan& plan, const Meta& meta)
    : plan_(plan),
      slab_(plan.specs.specs),
      spaces_(plan.rules, meta.page_size, plan.strategy, slab_,
              setting_for(meta, *plan.strategy.info, plan.role)) {
  slab_.limit(plan.budget);
  if (plan.slub) slab_.enable_slub(plan.specs.specs, meta.page_size, meta.cpus);
  if (plan.timeline) slab_.enable_timeline();
  if (plan.check_reach) spaces_.watch(&reach_.emplace(spaces_, meta.page_size));
  if (plan.role == Role::own) verifier_.emplace(meta, slab_, spaces_);
  driver_.emplace(spaces_, slab_, verifier_ ? &*verifier_ : nullptr);
}

// Memory beside the model is added up only now and then, as one event adds little to it.
bool Run::over_budget(std::uint64_t event) const {
  constexpr std::uint64_t kBetweenLooks = 64;
  if (slab_.over_budget()) return true;
  if ((!reach_ && !verifier_) || event % kBetweenLooks != 0) return false;
  Budget spent = slab_.spent();
  const auto add = [&spent](const Budget& more) {
    spent.bytes += more.bytes;
    spent.steps += more.steps;
  };
  if (reach_) add(reach_->spent());
  if (verifier_) add(verifier_->spent());
  return spent.bytes > plan_.budget.bytes || spent.steps > plan_.budget.steps;
}

void Run::allow(const Budget& budget) {
  plan_.budget = budget;
  slab_.limit(budget);
}

void Run::feed(std::span<const Event> events, std::uint64_t first) {
  if (gave_up_) return;
  if (stop_) {
    if (first > *stop_) return;
    if (*stop_ - first < events.size()) events = events.first(*stop_ - first + 1);
  }
  for (const Event& event : events) {
    driver_->apply(event, first);
    if (over_budget(first)) {
      gave_up_ = first;
      return;
    }
    ++first;
  }
}

std::optional<Verdict> Run::verdict() {
  if (!verifier_) return {};
  return driver_->verdict();
}

Moment Run::look() {
  driver_->finish();
  return observe(spaces_, slab_, plan_.family);
}

ReplayResult Run::finish(const Meta& meta) {
  const std::string_view own = own_strategy(meta);
  const std::string_view name = plan_.strategy.info->name;
  ReplayResult result;
  result.strategy = plan_.strategy.name();
  result.rules = plan_.rules.name;
  result.basis = plan_.strategy.basis();
  result.assumed = plan_.rules.assumed;
  result.specs = plan_.specs;
  result.end = look();
  result.peak.slab = slab_.peak();
  for (std::size_t c = 0; c < kAllCaches; ++c)
    result.caches[c] = slab_.usage(static_cast<CacheIndex>(c));
  for (std::size_t k = 0; k < kNumOpKinds; ++k)
    result.costs[k] = slab_.cost(static_cast<OpKind>(k));
  result.at_start_objs = spaces_.at_start();
  result.root_locks = slab_.root_locks();
  result.slub = slab_.slub();
  result.timeline = slab_.timeline();
  result.map_counts_compared = spaces_.map_counts().compared();
  result.map_count_mismatches = spaces_.map_counts().mismatches();
  result.first_mismatch = spaces_.map_counts().first();
  if (reach_) result.reach = reach_->finish();
  result.anomalies = spaces_.anomalies();
  result.anomalies[Anomaly::tainted_at_end] = spaces_.tainted_now();
  const bool attached = result.at_start_objs[kVmAreaStruct] > 0;
  if (attached && result.anomalies[Anomaly::seed_approximate] > 0)
    result.approximate.emplace_back(
        "objects alive at start were replayed as a life, not taken over");
  else if (attached && name != own)
    result.approximate.emplace_back(
        "objects alive at start are those that the recording kernel's own design had made");
  if (meta.faults == "first" && name != own)
    result.approximate.emplace_back(
        "only the recording kernel's own first faults were recorded (--faults first)");
  if (const std::uint64_t tainted = result.anomalies[Anomaly::tainted_mms]; tainted > 0)
    result.approximate.push_back(fmt::format(
        "records were lost: {} address spaces were unsure until they were read again", tainted));
  return result;
}

Crew::Crew(std::vector<std::unique_ptr<Run>>& runs, unsigned threads) : runs_(runs) {
  for (unsigned t = 0; t < threads; ++t)
    workers_.emplace_back([this, t, threads] { work(t, threads); });
}

Crew::~Crew() {
  wait();
  begin_turn(true);
}

bool Crew::give(std::span<const Event> batch, std::uint64_t first,
                const std::optional<Budget>& budget) {
  wait();
  for (const auto& run : runs_)
    if (run->gave_up()) return false;
  for (const auto& run : runs_)
    if (budget) run->allow(*budget);
  batch_ = batch;
  first_ = first;
  begin_turn(false);
  return true;
}

void Crew::begin_turn(bool last) {
  {
    const std::lock_guard lock(mutex_);
    ++turn_;
    working_ = workers_.size();
    done_ = last;
  }
  changed_.notify_all();
}

void Crew::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return working_ == 0; });
}

void Crew::work(unsigned self, unsigned threads) {
  for (std::uint64_t turn = 1;; ++turn) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return turn_ == turn; });
      if (done_) return;
    }
    for (std::size_t r = self; r < runs_.size(); r += threads) runs_[r]->feed(batch_, first_);
    const std::lock_guard lock(mutex_);
    if (--working_ == 0) changed_.notify_all();
  }
}

}  // namespace anonvma
