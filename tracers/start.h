// Holds back the start of a recording. It comes after Order. The snapshots of the start leave first
// and together, so that they are one state. No operation on one mm changes the vmas of another.
//
//   in    snapshot A ─ map in A ─ snapshot B ─ fault in B ─ end()
//   out                                                     snapshot A, snapshot B, map, fault
#pragma once

#include <functional>
#include <vector>

#include "engine/ids.h"
#include "engine/trace/collected.h"
#include "engine/trace/event.h"

namespace anonvma {

class Start {
 public:
  bool active() const { return active_; }
  void add(const Event& event);
  // Gives all events to `sink`, except for those of mms for which `replaced` says that a later Fork
  // or Exec announces them.
  void end(const std::function<bool(MmId)>& replaced,
           const std::function<void(const Event&)>& sink);

 private:
  bool active_ = true;
  SnapshotParts parts_{SnapReason::attach};
  std::vector<Event> snapshots_;
  std::vector<Event> others_;  // events between two snapshots
};

}  // namespace anonvma
