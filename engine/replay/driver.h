// Pushes the events of a trace, one at a time and in order, through a model, and tells the verifier
// beside the model the effect of each event.
//
//   event ─┬─ Truth ────────────────────────────────────────────► Verifier
//          ├─ Text: a name for the reports
//          ├─ part of a snapshot ─► SnapshotCollector ─┐              ▲ its effect
//          ├─ fault that changes nothing ─► passed by  ├─► AddressSpaces
//          └─ any other ───────────────────────────────┘
#pragma once

#include <cstdint>

#include "engine/slab/slab_account.h"
#include "engine/trace/collected.h"
#include "engine/verify/verifier.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

class Driver {
 public:
  // `spaces` allocates from `slab`. Without a `verifier` nothing is compared. All of them outlive
  // the driver.
  Driver(AddressSpaces& spaces, SlabAccount& slab, Verifier* verifier = nullptr)
      : spaces_(spaces), slab_(slab), verifier_(verifier) {}

  // `index` is the position of `event` in the trace.
  void apply(const Event& event, std::uint64_t index) {
    if (verifier_ != nullptr) verifier_->clock(event.head.time_ns);
    // Nine of ten events are passed by.
    if (!collector_.idle() || !spaces_.pass_by(event, index)) apply_in_full(event, index);
  }
  // The trace ends here: applies the snapshots that were collected.
  void finish();
  // The events pause here, and no set of snapshots goes on behind the pause: applies the set that was
  // collected, unless the last event was the middle of a snapshot.
  void pause() {
    if (collector_.between_snapshots()) finish();
  }
  // Calls finish(), and returns the findings of the verifier.
  Verdict verdict();

 private:
  void apply_in_full(const Event& event, std::uint64_t index);
  void apply(const MmSnapshot& snapshot);
  void apply(const SnapshotSet& set);

  AddressSpaces& spaces_;
  SlabAccount& slab_;
  Verifier* verifier_;
  SnapshotCollector collector_;
  std::uint64_t parts_ = 0;  // parts of snapshots that are held here
};

}  // namespace anonvma
