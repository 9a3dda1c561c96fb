// Snapshots of a trace put together: a Snapshot event with the SnapVma and SnapChain events behind
// it.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "engine/trace/event.h"

namespace anonvma {

struct SeenVma {
  SnapVma vma;
  std::vector<SnapChain> chain;  // most recently added first
};
struct SeenMm {
  EventHead head;
  Snapshot snapshot;
  std::vector<SeenVma> vmas;

  // Those of attach and resync are built when their set is complete.
  static bool comes_in_sets(SnapReason reason) {
    return reason == SnapReason::attach || reason == SnapReason::resync;
  }
  SnapReason reason() const { return static_cast<SnapReason>(snapshot.reason); }
  // Everything that was announced has come.
  bool complete() const {
    return vmas.size() >= snapshot.nr_vmas &&
           (vmas.empty() || vmas.back().chain.size() >= vmas.back().vma.nr_chain);
  }
  // The mm begins with this snapshot, so that a part of one is better than none.
  bool is_birth() const { return reason() == SnapReason::attach || reason() == SnapReason::exec; }
};

// The file decides nothing about memory: what is announced but does not come simply ends the
// snapshot early. What it lacks may be cut off, and does not mean that nothing is mapped there:
// only a birth is taken then.
class SnapshotCollector {
 public:
  // True when `event` belongs to a snapshot. `done` gets each snapshot that is over.
  template <class Done>
  bool collect(const Event& event, Done&& done) {
    if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) {
      finish(done);
      seen_ = SeenMm{event.head, *snapshot, {}};
    } else if (const auto* vma = std::get_if<SnapVma>(&event.body); vma != nullptr && seen_) {
      seen_->vmas.push_back({*vma, {}});
    } else if (const auto* chain = std::get_if<SnapChain>(&event.body);
               chain != nullptr && seen_ && !seen_->vmas.empty()) {
      seen_->vmas.back().chain.push_back(*chain);
    } else {
      finish(done);
      return false;
    }
    if (seen_->complete()) finish(done);
    return true;
  }
  template <class Done>
  void finish(Done&& done) {
    if (!seen_) return;
    SeenMm seen = std::move(*seen_);
    seen_.reset();
    if (seen.complete() || seen.is_birth()) done(std::move(seen));
  }

  bool empty() const { return !seen_; }

 private:
  std::optional<SeenMm> seen_;
};

}  // namespace anonvma
