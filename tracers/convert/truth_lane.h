// The truth lane: records of slab objects become Truth events of the mms that own them.
//
//   record ─ part of the start? ─ vma freed by RCU? ─ steps of forks and exits ─ Truth
//            start_window.h       rcu_vmas.h          overlap.h
#pragma once

#include <cstdint>

#include "tracers/convert/address_map.h"
#include "tracers/convert/heads.h"
#include "tracers/convert/order.h"
#include "tracers/convert/overlap.h"
#include "tracers/convert/rcu_vmas.h"
#include "tracers/convert/start_window.h"
#include "tracers/convert/truth_ids.h"
#include "tracers/convert/walked.h"
#include "tracers/records.h"

namespace anonvma {

class TruthLane {
 public:
  // The parts of the converter that the lane shares.
  struct Parts {
    Order& order;
    AddressMap& addresses;
    StartWindow& start;
    const Heads& heads;
  };

  TruthLane(const Parts& parts, bool tracked_only)
      : parts_(parts), tracked_only_(tracked_only), ids_(parts.addresses) {}
  void expect_late_frees() { ids_.expect_late_frees(); }

  void take(anonvma_truth_record record);
  // The object becomes an event, whether or not the start is over.
  void pass(const anonvma_truth_record& record);

  // A walk of the start announces the mm.
  void announce(const WalkedMm& walked);
  // Puts all steps of forks and exits into the order. To be called before states are compared.
  void flush_steps(const EventHead& head);
  // A fork of the mm has ended.
  void forked(MmId parent) { overlap_.forked(parent); }
  void retire(std::uint64_t address, MmId mm, std::uint64_t time_ns);

 private:
  void on_vma(anonvma_truth_record record);
  void pass(const anonvma_truth_record& record, MmId mm);

  const Parts parts_;
  const bool tracked_only_;
  TruthIds ids_;
  Overlap overlap_;
  RcuVmas rcu_vmas_;
};

}  // namespace anonvma
