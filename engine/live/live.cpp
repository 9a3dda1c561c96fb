#include "engine/live/live.h"

#include <algorithm>
#include <utility>

#include "engine/replay/observe.h"
#include "engine/replay/row_specs.h"
#include "engine/strategy/own.h"

namespace anonvma {
namespace {

using Runs = std::vector<std::unique_ptr<Run>>;

std::unique_ptr<Run> make_run(const Meta& meta, const StrategyChoice& design,
                              std::string_view own) {
  return std::make_unique<Run>(RunPlan{.strategy = design,
                                       .rules = rules_for(meta),
                                       .specs = row_specs(meta, *design.info, {}),
                                       .role = design.info->name == own ? Role::own : Role::rival},
                               meta);
}

Runs make_runs(const Meta& meta, const std::vector<StrategyChoice>& designs, std::string_view own) {
  Runs runs;
  bool has_own = false;
  for (const StrategyChoice& design : designs) {
    runs.push_back(make_run(meta, design, own));
    has_own |= design.info->name == own;
  }
  if (const StrategyInfo* info = find_strategy(own); info != nullptr && !has_own)
    runs.push_back(make_run(meta, *info, own));
  return runs;
}

}  // namespace

Live::Live(const Meta& meta, const std::vector<StrategyChoice>& designs, unsigned threads)
    : own_(own_strategy(meta)),
      shown_(designs.size()),
      runs_(make_runs(meta, designs, own_)),
      crew_(runs_, std::clamp(threads, 1u, static_cast<unsigned>(runs_.size()))) {
  filling_.reserve(kBatch);
  replaying_.reserve(kBatch);
  for (const auto& run : runs_)
    if (run->verifier() != nullptr) own_run_ = run.get();
}

// The crew still reads the last batch, which the next give() waits for.
void Live::flush() {
  if (filling_.empty()) return;
  for (const Event& event : filling_) newest_ns_ = std::max(newest_ns_, event.head.time_ns);
  crew_.wait();
  std::swap(filling_, replaying_);
  filling_.clear();
  crew_.give(replaying_, events_);
  events_ += replaying_.size();
}

void Live::settle() {
  flush();
  crew_.wait();
  for (const auto& run : runs_) run->pause();
}

LiveDesign Live::design(std::size_t index) const {
  const Run& run = *runs_[index];
  const RunPlan& plan = run.plan();
  LiveDesign design{
      .name = plan.strategy.name(),
      .own = plan.role == Role::own,
      .approximate = plan.role != Role::own && run.spaces().at_start()[kVmAreaStruct] > 0,
      .specs = plan.specs.specs,
      .at_start_objs = run.spaces().at_start(),
      .peak = run.slab().peak(),
      .root_locks = run.slab().root_locks()};
  for (std::size_t c = 0; c < kAllCaches; ++c)
    design.caches[c] = run.slab().usage(static_cast<CacheIndex>(c));
  return design;
}

LiveVerified Live::verified() const {
  LiveVerified all;
  if (own_run_ == nullptr) return all;
  const Verifier& verifier = *own_run_->verifier();
  const Lane &vmas = verifier.lane(Lanes::kVmas), &chains = verifier.lane(Lanes::kChains);
  const MapCounts& map_counts = own_run_->spaces().map_counts();
  all.possible = true;
  all.map_counts = map_counts.compared();
  all.map_counts_differ = map_counts.mismatches();
  all.vmas = vmas.compared;
  all.vmas_differ = vmas.compared - vmas.equal;
  all.chain_entries = chains.compared;
  all.chain_entries_differ = chains.compared - chains.equal;
  return all;
}

LiveSummary Live::summary() const {
  const Run& any = own_run_ != nullptr ? *own_run_ : *runs_.front();
  LiveSummary summary;
  summary.events = events_;
  summary.time_ns = newest_ns_;
  for (std::size_t k = 0; k < kNumOpKinds; ++k)
    summary.operations[k] = any.slab().cost(static_cast<OpKind>(k)).operations;
  summary.mms = any.spaces().mms_alive();
  summary.lost = any.spaces().anomalies()[Anomaly::lost_events];
  summary.tainted = any.spaces().tainted_now();
  summary.verified = verified();
  for (std::size_t d = 0; d < shown_; ++d) summary.designs.push_back(design(d));
  return summary;
}

std::vector<Holder> Live::holders(std::size_t design) const {
  return observe_holders(runs_[design]->spaces(), runs_[design]->slab());
}

void Live::settle_late() {
  if (own_run_ != nullptr) own_run_->verifier()->settle_late();
}

std::vector<std::string> Live::differences() const {
  if (own_run_ == nullptr) return {};
  return own_run_->verifier()->differences();
}

}  // namespace anonvma
