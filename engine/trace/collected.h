// Assembles snapshots. A snapshot of one mm is a Snapshot event and the SnapVma and SnapChain
// events after it; one collector makes values of them for all readers.
//
//   events   Snapshot(attach) v v c | Snapshot(attach) v c | Map
//   sink     ........ MmSnapshot ─┘    .... MmSnapshot ─┘  └─ SnapshotSet of both
//
// `check` does not use the collector: it has to see the parts that belong to no snapshot, at the
// event that is at fault. The recorder's Start and Resync pass events on, so they use SnapshotParts.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "engine/trace/event.h"

namespace anonvma {

// True if the mm begins with such a snapshot: then even an incomplete one is used.
inline bool is_birth(SnapReason reason) {
  return reason == SnapReason::attach || reason == SnapReason::exec;
}

// True if such snapshots that follow each other are one state: they share anon_vmas.
inline bool comes_in_sets(SnapReason reason) {
  return reason == SnapReason::attach || reason == SnapReason::resync;
}

// Tells the snapshots of one reason, and their parts, from all other events. It is for those who pass
// events on and need no values.
class SnapshotParts {
 public:
  explicit SnapshotParts(SnapReason reason) : reason_(reason) {}
  // True if the event is such a snapshot or a part of it.
  bool contains(const Event& event) {
    if (const auto* snapshot = std::get_if<Snapshot>(&event.body))
      inside_ = snapshot->reason == static_cast<std::uint64_t>(reason_);
    else if (!is_snapshot_part(event.body))
      inside_ = false;
    return inside_;
  }

 private:
  SnapReason reason_;
  bool inside_ = false;
};

struct VmaSnapshot {
  SnapVma vma;
  std::vector<SnapChain> chain;  // most recently added first
};

struct MmSnapshot {
  EventHead head;
  Snapshot snapshot;
  std::vector<VmaSnapshot> vmas;
  std::uint64_t event = 0;  // index of its last part in the trace; below, the time of that part
  std::uint64_t time_ns = 0;

  SnapReason reason() const { return static_cast<SnapReason>(snapshot.reason); }
  // True if all parts that were announced have come.
  bool complete() const {
    return vmas.size() >= snapshot.nr_vmas &&
           (vmas.empty() || vmas.back().chain.size() >= vmas.back().vma.nr_chain);
  }
};

// Snapshots of one reason that followed each other. Never empty.
using SnapshotSet = std::vector<MmSnapshot>;

// The file decides nothing about memory: if parts that a snapshot announces do not come, the
// snapshot ends early. It is not known whether anything was mapped in the missing parts, so an
// incomplete snapshot is dropped unless its mm begins with it.
class SnapshotCollector {
 public:
  // True if `event`, at `index` in the trace, belongs to a snapshot. `sink` gets every MmSnapshot
  // and every SnapshotSet when it ends. Members of a set come first alone and then in the set,
  // which ends at the first event that is no part of it.
  template <class Sink>
  bool collect(const Event& event, std::uint64_t index, Sink&& sink) {
    if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) {
      end_snapshot(sink);
      if (!continues_set(static_cast<SnapReason>(snapshot->reason))) end_set(sink);
      open_ = MmSnapshot{event.head, *snapshot, {}};
    } else if (!add_part(event)) {
      finish(sink);
      return false;
    }
    open_->event = index;
    open_->time_ns = event.head.time_ns;
    if (open_->complete()) end_snapshot(sink);
    return true;
  }
  // The trace is over: ends an open snapshot and an open set.
  template <class Sink>
  void finish(Sink&& sink) {
    end_snapshot(sink);
    end_set(sink);
  }
  // True if no snapshot is open; a set may be.
  bool between_snapshots() const { return !open_; }
  // True if no snapshot and no set is open.
  bool idle() const { return !open_ && set_.empty(); }

 private:
  bool continues_set(SnapReason reason) const {
    return comes_in_sets(reason) && (set_.empty() || set_.front().reason() == reason);
  }
  bool add_part(const Event& event) {
    if (!open_) return false;
    if (const auto* vma = std::get_if<SnapVma>(&event.body)) {
      open_->vmas.push_back({*vma, {}});
      return true;
    }
    const auto* chain = std::get_if<SnapChain>(&event.body);
    if (chain == nullptr || open_->vmas.empty()) return false;
    open_->vmas.back().chain.push_back(*chain);
    return true;
  }
  template <class Sink>
  void end_snapshot(Sink& sink) {
    if (!open_) return;
    MmSnapshot over = std::move(*open_);
    open_.reset();
    if (!over.complete() && !is_birth(over.reason())) return;
    sink(std::as_const(over));
    if (comes_in_sets(over.reason())) set_.push_back(std::move(over));
  }
  template <class Sink>
  void end_set(Sink& sink) {
    if (set_.empty()) return;
    const SnapshotSet over = std::exchange(set_, {});
    sink(over);
  }

  std::optional<MmSnapshot> open_;
  SnapshotSet set_;  // members of the open set that have ended
};

}  // namespace anonvma
