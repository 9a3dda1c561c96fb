// Replays events while they are recorded: all designs side by side, and the kernel's own design
// compared with the kernel on the way. It keeps the state of live address spaces and no event.
//
//   recorder ─► take() ─► batch ─► Crew ─► a Run for each design
//                                             │
//   settle(): all of it replayed ─► summary(), holders()
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/live/summary.h"
#include "engine/replay/result.h"
#include "engine/replay/run.h"
#include "engine/strategy/registry.h"
#include "engine/trace/event.h"
#include "engine/trace/meta.h"

namespace anonvma {

class Live {
 public:
  // The kernel's own design is replayed and verified whether it is among `designs` or not. `threads`
  // is at least 1.
  Live(const Meta& meta, const std::vector<StrategyChoice>& designs, unsigned threads);

  void take(const Event& event) {
    filling_.push_back(event);
    if (filling_.size() >= kBatch) flush();
  }
  // Waits until all events are replayed. To be called between two calls of the recorder, as a set
  // of snapshots ends here.
  void settle();

  // Both are called after settle().
  LiveSummary summary() const;
  // The holders of the objects of one design, by mm. It looks at every VMA.
  std::vector<Holder> holders(std::size_t design) const;

  // Decides the comparisons that wait for later events: see LateEntries.
  void settle_late();
  // The first differences between kernel and model, in full.
  std::vector<std::string> differences() const;

 private:
  static constexpr std::size_t kBatch = 4096;
  void flush();
  LiveDesign design(std::size_t index) const;
  LiveVerified verified() const;

  std::string own_;  // design of the kernel
  std::size_t shown_;
  std::vector<std::unique_ptr<Run>> runs_;  // the last may be the own design, not asked for
  Run* own_run_ = nullptr;                  // none: not known
  std::vector<Event> filling_, replaying_;
  std::uint64_t events_ = 0, newest_ns_ = 0;
  Crew crew_;
};

}  // namespace anonvma
