// Compares the model with the kernel that recorded the trace.
//
// A Verifier stands beside the address spaces of the recording kernel's own strategy. It gets the
// effect of each event on the model, and compares it with the kernel's state in the trace. Nothing
// flows back into the model.
//
//   Driver ─► AddressSpaces          ┌─► map_count before each operation
//      │ OpEffect                    ├─► UnseenWriters: is each write acquire explained?
//      └──────────────► Verifier ────┼─► StateComparer: vmas and chains in snapshots
//                          ▲         ├─► ObjectBooks: every object, with the truth lane
//      Truth ──────────────┘         └─► Kin: anon_vmas shared with mms that were not recorded
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/slab/budget.h"
#include "engine/trace/collected.h"
#include "engine/trace/meta.h"
#include "engine/verify/kin.h"
#include "engine/verify/lanes.h"
#include "engine/verify/object_books.h"
#include "engine/verify/state.h"
#include "engine/verify/unseen_writers.h"
#include "engine/verify/verdict.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

class Verifier {
 public:
  // `spaces` allocates from `slab`. Both outlive the verifier.
  Verifier(const Meta& meta, const SlabAccount& slab, const AddressSpaces& spaces);
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // The functions below are called for everything in the trace, in order. First the time of each
  // event.
  void clock(std::uint64_t now_ns) { newest_ns_ = std::max(newest_ns_, now_ns); }
  // The kernel allocated or freed an object.
  void kernel_object(const EventHead& head, const Truth& truth);
  // The model has applied `event`.
  void settled(const Event& event, std::uint64_t index, const OpEffect& effect);
  // A snapshot is complete, and applied unless it belongs to a set.
  void taken(const MmSnapshot& snapshot, const OpEffect& effect);
  // A set of snapshots is complete and applied.
  void taken(const SnapshotSet& set);
  // The model has dropped the copies of the fork of `mm` that was in flight.
  void fork_abandoned(MmId mm) { objects_.fork_abandoned(mm); }

  // Called after the last event, or when no later event can decide a comparison. At the end all forks
  // in flight are abandoned then, and finish() is called.
  void settle_late() { state_.late().settle_all(); }
  Verdict finish();

  // The number of comparisons that have failed so far, and the first of them in full.
  std::uint64_t differing() const { return spaces_.map_counts().mismatches() + lanes_.differing(); }
  const std::vector<std::string>& differences() const { return lanes_.differences(); }
  const Lane& lane(Lanes::Index index) const { return lanes_[index]; }
  // Estimated memory and steps of the verifier itself, without the model.
  Budget spent() const;

  // True if kernel and model have booked the same, and nothing is in flight.
  bool at_rest() const { return writers_.open().empty() && objects_.at_rest(); }
  // The kernel's anon_vma that the model names `name`; none if no snapshot has shown it.
  AnonVmaId kernel_name(std::uint64_t name) const {
    return truth_ ? state_.names().kernel_name(name) : AnonVmaId{};
  }
  // The lock number at which the snapshot of the start was taken; 0: there was none.
  std::uint32_t attach_seq(MmId mm) const { return objects_.attach_seq(mm); }

 private:
  void lose(const Lost& lost);
  void note_writer(const EventHead& head, const UnknownWrite& writer);
  void close(MmId mm, const std::string& where);
  void close_all();
  std::vector<std::string> doubts(std::uint64_t shared) const;

  const AddressSpaces& spaces_;
  bool truth_;
  bool slice_;  // the snapshots of the start are the model's: there is nothing to compare
  std::string machine_;
  std::uint64_t newest_ns_ = 0;
  std::uint64_t lost_ = 0;  // records; lanes of objects need all of them
  Lanes lanes_;
  UnseenWriters writers_;
  ObjectBooks objects_;
  Kin kin_;
  StateComparer state_;
};

}  // namespace anonvma
