// One strategy's run over one trace: its account and its address spaces. The run of the recording
// kernel's own strategy is verified on the way.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/replay/driver.h"
#include "engine/replay/reach.h"
#include "engine/replay/result.h"
#include "engine/strategy/registry.h"
#include "engine/verify/verifier.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

// The parameters of one run.
struct RunPlan {
  StrategyChoice strategy;
  KernelRules rules;
  RowSpecs specs;
  Role role = Role::rival;
  bool slub = false;
  bool check_reach = false;
  bool timeline = false;
  bool family = false;
  Budget budget = {};
};

// True if the counters of anon_vmas at the start are counted anew, see Setting.
bool counts_anew(const Meta& meta, const StrategyInfo& strategy);
// The setting of a design in that role.
Setting setting_for(const Meta& meta, const StrategyInfo& strategy, Role role);

class Run {
 public:
  Run(const RunPlan& plan, const Meta& meta);

  // `first` is the index of the first of `events` in the trace.
  void feed(std::span<const Event> events, std::uint64_t first);
  // Skips all events after this one.
  void stop_after(std::uint64_t event) { stop_ = event; }
  // Replaces the budget: the trace has grown.
  void allow(const Budget& budget);
  // The event at which the run exceeded its budget. It has stopped there, and its numbers mean
  // nothing.
  std::optional<std::uint64_t> gave_up() const { return gave_up_; }
  const RunPlan& plan() const { return plan_; }

  // Both are called after the last event, in this order.
  std::optional<Verdict> verdict();
  ReplayResult finish(const Meta& meta);
  // The state at the end, or where the run stopped.
  Moment look();

  std::uint64_t mms() const { return spaces_.mms_seen(); }

  // For a trace that is still being recorded: its state after the events so far, see Driver::pause().
  void pause() { driver_->pause(); }
  const SlabAccount& slab() const { return slab_; }
  const AddressSpaces& spaces() const { return spaces_; }
  Verifier* verifier() { return verifier_ ? &*verifier_ : nullptr; }

 private:
  bool over_budget(std::uint64_t event) const;

  RunPlan plan_;
  SlabAccount slab_;
  AddressSpaces spaces_;
  std::optional<ReachCheck> reach_;
  std::optional<Verifier> verifier_;
  std::optional<Driver> driver_;  // drives the members above
  std::optional<std::uint64_t> stop_, gave_up_;
};

// Feeds the same batches to several runs, each of which has one worker thread.
class Crew {
 public:
  Crew(std::vector<std::unique_ptr<Run>>& runs, unsigned threads);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // `batch` must live until the next call. The caller may decode the next one meanwhile. With a
  // `budget`, it is that of each run from now on. If a run has given up, this gives nothing and
  // returns false.
  bool give(std::span<const Event> batch, std::uint64_t first,
            const std::optional<Budget>& budget = {});
  // Waits until the last batch is done.
  void wait();

 private:
  void begin_turn(bool last);
  void work(unsigned self, unsigned threads);

  std::vector<std::unique_ptr<Run>>& runs_;
  std::span<const Event> batch_;
  std::uint64_t first_ = 0;
  // Not a std::barrier: that of gcc 12 throws in its threads under a user-mode emulator.
  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  std::uint64_t turn_ = 0;  // batches given
  std::size_t working_ = 0;
  bool done_ = false;
  std::vector<std::jthread> workers_;
};

}  // namespace anonvma
