// Pushes the events of a trace, one at a time and in order, through a model, and tells the verifier
// that stands beside the model what each event came to.
//
//   event ─┬─ Truth ────────────────────────────────────────────► Verifier
//          ├─ part of a snapshot ─► SnapshotCollector ─┐              ▲ what it came to
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
  // The trace is over, here or for now: what was collected is applied.
  void finish();
  // finish(), and what the verifier found.
  Verdict verdict();

 private:
  void apply_in_full(const Event& event, std::uint64_t index);
  void apply(const MmSnapshot& snapshot);
  void apply(const SnapshotSet& set);

  AddressSpaces& spaces_;
  SlabAccount& slab_;
  Verifier* verifier_;
  SnapshotCollector collector_;
  std::uint64_t parts_ = 0;  // of snapshots, held here
};

}  // namespace anonvma
