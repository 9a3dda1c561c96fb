// Events of the start of a recording. The snapshots leave first and together, so that they are one
// state. No operation on one mm changes the vmas of another.
//
//   in    snapshot A ─ map in A ─ snapshot B ─ fault in B ─ release()
//   out                                                     snapshot A, snapshot B, map, fault
#pragma once

#include <functional>
#include <vector>

#include "engine/ids.h"
#include "engine/trace/collected.h"
#include "engine/trace/event.h"

namespace anonvma {

class StartEvents {
 public:
  void add(const Event& event);
  // Gives all events to `sink`, except for those of mms for which `left_out` is true.
  void release(const std::function<bool(MmId)>& left_out,
               const std::function<void(const Event&)>& sink);

 private:
  SnapshotParts parts_{SnapReason::attach};
  std::vector<Event> snapshots_;
  std::vector<Event> others_;  // events between two snapshots
};

}  // namespace anonvma
