// The start of a recording: faults and objects that are already in the snapshot of a walk.
//
// A walk holds up writers, not faults. A fault is recorded at its exception and may be handled
// before or after the walk reads its vma:
//
//   ring    fault 1 ─ fault 2 ─ walk of the mm ─ ...
//   vma     handled 1 ─ read by the walk ─ handled 2
//   kept    fault 2 alone: the walk shows no anon_vma for it. Fault 1 is in the snapshot.
//
// Four places hold something back at the start, each at another point of the way to the trace:
//
//   records ─ this window ───────────── events ─ Order ─ Start (tracers/start.h) ─ trace
//             Execs::hold_object()               numbers   snapshots leave first, and together
//             RcuVmas: allocations, by address
//
// This window holds what a walk decides: faults of mms that no walk has reached, and the last prepare of
// each task. Execs holds the objects of calls that may be older than the recording, until the call ends.
// RcuVmas remembers which vmas were allocated since the start, as a walk may show that they are gone.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/ids.h"
#include "tracers/convert/walked.h"
#include "tracers/records.h"

namespace anonvma {

class StartWindow {
 public:
  // `tell` is called for an object that is not part of the start after all.
  explicit StartWindow(std::function<void(const anonvma_truth_record&)> tell)
      : tell_(std::move(tell)) {}

  void begin() { open_ = opened_ = true; }
  void end();
  bool is_open() const { return open_; }
  // True if an execve that ends, or is in progress, at this time of the trace may be older than the
  // recording.
  bool may_be_older(std::uint64_t since_start_ns) const {
    constexpr std::uint64_t kExecTakesNs = 10'000'000'000;
    return opened_ && since_start_ns < kExecTakesNs;
  }

  // A fault of an mm that no walk has reached yet.
  void remember(const anonvma_fault_record& fault);
  // The walk has announced the mm. Returns the faults before it whose effect is still to come.
  std::vector<anonvma_fault_record> announce(std::uint64_t address, WalkedMm walked);
  // Another mm takes the address of `mm`. If a walk announced `mm`, it has read the new mm instead.
  void replace(std::uint64_t address, MmId mm) {
    if (walks_.erase(address) > 0) replaced_.insert(mm);
  }
  // A walk announced the mm, and a Fork or Exec that was recorded later announces it again.
  bool replaced(MmId mm) const { return replaced_.contains(mm); }

  // The task faults at `addr`.
  void fault(const anonvma_record& head, std::uint64_t addr);
  // The task does something other than a fault.
  void leave_fault(std::uint32_t tid) { in_walk_.erase(tid); }
  // True if the object is part of the start: its record came after the walk's ring record, and the
  // walk has read it nevertheless. `known`: the mm was announced.
  bool holds(const anonvma_truth_record& object, bool known);
  // Another record of the task has come, so its last prepare is complete. Only a touch may come
  // between the two objects of a prepare.
  void follow(const anonvma_record& head) {
    if (!prepares_.empty() && head.kind != ANONVMA_TRUTH && head.kind != ANONVMA_TOUCH)
      settle(head.tid);
  }

 private:
  void note(const anonvma_record& head, std::uint64_t addr, const WalkedMm& walked);
  void settle(std::uint32_t tid);

  std::function<void(const anonvma_truth_record&)> tell_;
  bool open_ = false, opened_ = false;
  // Faults of mms that no walk has reached yet, by address. Only those since the mm's last write
  // acquire.
  std::unordered_map<std::uint64_t, std::vector<anonvma_fault_record>> early_;
  std::unordered_map<std::uint64_t, WalkedMm> walks_;  // of announced mms, by address
  std::unordered_set<MmId> replaced_;
  // For each task: has the walk seen the effect of its last fault?
  std::unordered_map<std::uint32_t, bool> in_walk_;
  std::unordered_set<std::uint64_t> anon_vmas_;  // that a walk has seen, not freed since
  std::unordered_map<std::uint32_t, anonvma_truth_record> prepares_;  // by tid, to be settled
};

}  // namespace anonvma
