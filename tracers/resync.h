// Holds back a round of snapshots after a loss. It comes after Order. The snapshots of a round
// leave together, so that they are one state, and the events after each of them wait.
//
//   in    begin() ─ map in C ─ snapshot A ─ map in A ─ snapshot B ─ end()
//   out             map in C                                        snapshots A and B, map in A
#pragma once

#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "engine/ids.h"
#include "engine/trace/collected.h"
#include "engine/trace/event.h"

namespace anonvma {

class Resync {
 public:
  using Sink = std::function<void(const Event&)>;
  explicit Resync(Sink sink) : sink_(std::move(sink)) {}

  void begin();
  // Outside of a round events leave at once.
  void add(const Event& event);
  void end();

 private:
  bool waits(const Event& event);
  void pass(const Event& event);

  Sink sink_;
  bool in_round_ = false;
  SnapshotParts parts_{SnapReason::resync};
  bool set_left_last_ = false;  // the last event to leave was a snapshot of a round
  std::vector<Event> set_;      // the snapshots
  std::vector<Event> behind_;   // events of mms whose snapshot is in the set
  std::set<MmId> held_;         // these mms, and the mms that descend from them
};

}  // namespace anonvma
