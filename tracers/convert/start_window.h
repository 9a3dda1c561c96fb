// The start of a recording. What cannot be decided before the walks of the start is held back here.
//
// A walk holds up writers, not faults. A fault is recorded at its exception and may be handled
// before or after the walk reads its vma:
//
//   ring    fault 1 ─ fault 2 ─ walk of the mm ─ ...
//   vma     handled 1 ─ read by the walk ─ handled 2
//   kept    fault 2 alone: the walk shows no anon_vma for it. Fault 1 is in the snapshot.
//
// A record or an event waits at one of four points of its way:
//
//   record ─ converter ───────────────────────────── Order ──────── hold() ─────────────── trace
//             remember()     a fault of an mm that     sorts by       until release(): the
//                            no walk has reached       lock number    snapshots leave first
//             holds()        the last prepare of a task, until the task goes on
//             hold_object()  an object of an execve that may be older than the recording,
//                            until the call ends
//
// Two things are remembered besides: which vmas were allocated since the start, as a walk may show that
// they are gone, and which mms a walk announced although a later event announces them.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/ids.h"
#include "engine/trace/event.h"
#include "tracers/convert/start_events.h"
#include "tracers/convert/walked.h"
#include "tracers/records.h"

namespace anonvma {

class StartWindow {
 public:
  // `pass` is called for an object that is not part of the start after all.
  explicit StartWindow(std::function<void(const anonvma_truth_record&)> pass)
      : pass_(std::move(pass)) {}

  // Walks of SnapReason::attach come between these two calls.
  void begin() { open_ = opened_ = true; }
  void end();
  bool is_open() const { return open_; }
  // True if the event has to wait for the release. It comes from Order.
  bool hold(const Event& event);
  // All events that were held go to `sink`, and no other is held. A walk may have announced a child
  // while its fork ended. Its Fork announces it, so those events of the walk are left out.
  void release(const std::function<void(const Event&)>& sink);

  // True if an execve that ends, or is in progress, at this time of the trace may be older than the
  // recording.
  bool may_be_older(std::uint64_t since_start_ns) const {
    constexpr std::uint64_t kExecTakesNs = 10'000'000'000;
    return opened_ && since_start_ns < kExecTakesNs;
  }

  // A fault of an mm that no walk has reached yet.
  void remember(const anonvma_fault_record& r);
  // The walk has announced the mm. Returns the faults before it whose effect is still to come.
  std::vector<anonvma_fault_record> announce(std::uint64_t address, WalkedMm walked);
  // Another mm takes the address of `mm`. If a walk announced `mm`, it has read the new mm instead.
  void replace(std::uint64_t address, MmId mm) {
    if (walks_.erase(address) > 0) replaced_.insert(mm);
  }

  // The task faults at `addr`.
  void fault(const anonvma_record& head, std::uint64_t addr);
  // The task does something other than a fault.
  void leave_fault(std::uint32_t tid) { in_walk_.erase(tid); }
  // True if the object is part of the start: its record came after the walk's ring record, and the
  // walk has read it nevertheless. `known`: the mm was announced.
  bool holds(const anonvma_truth_record& r, bool known);
  // Another record of the task has come, so its last prepare is complete. Only a touch and a new
  // anon_vma may come between the two objects of a prepare.
  void follow(const anonvma_record& head) {
    const bool within = head.kind == ANONVMA_TRUTH || head.kind == ANONVMA_TOUCH ||
                        head.kind == ANONVMA_NEW_ANON_VMA;
    if (!prepares_.empty() && !within) settle(head.tid);
  }

  // An object of an execve, by tgid. True if the call may be older than the recording.
  bool hold_object(std::uint32_t tgid, const Event& object);
  // The call has ended. If it is not older than the recording, its objects become events.
  std::vector<Event> take_objects(std::uint32_t tgid);

  void allocated(std::uint64_t vma) {
    if (open_) vmas_.push_back(vma);
  }
  // The addresses of the vmas that were allocated since begin().
  const std::vector<std::uint64_t>& vmas() const { return vmas_; }

 private:
  void note(const anonvma_record& head, std::uint64_t addr, const WalkedMm& walked);
  void settle(std::uint32_t tid);

  std::function<void(const anonvma_truth_record&)> pass_;
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
  std::unordered_map<std::uint32_t, std::vector<Event>> objects_;     // of execves, by tgid
  std::vector<std::uint64_t> vmas_;
  bool released_ = false;
  StartEvents events_;
};

}  // namespace anonvma
