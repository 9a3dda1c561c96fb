// Pushes a trace through the VMA layer and each strategy. The trace is decoded once, batch by
// batch, and never held whole; each strategy has a worker of its own. Results do not depend on the
// number of threads.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/replay/result.h"
#include "engine/result.h"
#include "engine/strategy/registry.h"
#include "engine/trace/reader.h"

namespace anonvma {

struct ReplayOptions {
  std::vector<StrategyChoice> strategies;
  std::string rules;          // era name; empty: from the recording kernel's release
  bool era_accurate = false;  // each strategy under the rules and with the objects of its own era
  // Slot sizes that win over those of the trace, in bytes.
  std::vector<std::pair<CacheIndex, std::uint32_t>> objsizes;
  bool timeline = false;  // also keep the objects over time (Timeline)
  bool family = false;    // also look at the largest family of anon_vmas
  bool slub = false;      // also count the slabs that SLUB would hold
  // These two need a second pass: the moment when the sum of all caches peaked, and a given time.
  bool observe_peak = false;
  std::optional<double> at_s;
  bool check_reach = false;  // also ask whether every page is still found (reach.h)
  unsigned threads = 0;      // 0: one per strategy, at most one per CPU
  bool limits = true;        // gives up on a trace that asks for more than any recording (Budget)
  ReadProgress progress;     // the sums of both passes; may be empty
};

// The number of times that replay() reads the trace.
inline int passes(const ReplayOptions& options) {
  return options.observe_peak || options.at_s ? 2 : 1;
}

// Fails if the header names a page size that no machine has.
Status check_page_size(const Meta& meta);

// An error on one line, with its offset if it has one.
std::string describe(const Error& error);
// The error of a replay that exceeded its budget at `event`.
Error over_budget_at(std::uint64_t event, const std::string& strategy, const Budget& budget,
                     std::uint64_t file_bytes);

// The recording kernel's own strategy is always replayed and verified, with or without a row. A
// damaged trace gives the result up to the damage, with `trace.damage` set. The caller fills in
// `trace.path`. An Error only if nothing could be replayed (bad options).
Result<Comparison> replay(TraceReader& reader, const ReplayOptions& options);

}  // namespace anonvma
