// Ring records to events. Records come in ring order; events go to the Order.
//
// An mm is announced by its Fork, its Exec or the walk; what happens to an mm nobody announced (a
// new mm while execve fills it, a failed fork) is dropped. What a walk saw becomes an event at the
// walk's own ring record, so that its place among the other records is exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tracers/convert/address_map.h"
#include "tracers/convert/families.h"
#include "tracers/convert/order.h"
#include "tracers/convert/overlap.h"
#include "tracers/convert/rcu_vmas.h"
#include "tracers/convert/ring_order.h"
#include "tracers/convert/rounds.h"
#include "tracers/convert/start_window.h"
#include "tracers/convert/truth_ids.h"
#include "tracers/convert/walked.h"
#include "tracers/lost_count.h"
#include "tracers/records.h"

namespace anonvma {

class Converter {
 public:
  // `tracked_only`: some processes, not the system.
  Converter(Order& order, std::uint64_t page_size, bool tracked_only);
  // The CLOCK_MONOTONIC of time 0 of the trace. Before the first record.
  void set_start(std::uint64_t start_ns) { start_ns_ = start_ns; }
  // No hook sees the mmap_lock. Before the first record.
  void number_in_ring_order() {
    ring_order_.emplace();
    truth_ids_.expect_late_frees();
  }

  // One record of the ring; one too short for its kind is counted and dropped.
  void record(std::span<const std::byte> bytes);
  // What walk `id` saw. Called before the ring records of that walk are given.
  void add_walk(std::uint64_t id, SnapReason reason, std::vector<WalkedMm> mms);
  void forget_walk(std::uint64_t id) { walks_.erase(id); }
  // Between these two walks for SnapReason::attach announce what is alive.
  void begin_attach();
  void end_attach();
  // Was announced by a walk for attach, and again by a Fork or Exec that was recorded later.
  bool taken_back(MmId mm) const { return taken_back_.contains(mm); }
  // Records were dropped. Their mm is suspect until a round (below) has put it right.
  void lost(const LostCount& lost, std::uint64_t now_ns);
  // Tells of the records that were dropped here, as the birth of their mm was lost; how many.
  std::uint64_t tell_unborn(std::uint64_t now_ns);

  // A round reads the suspects again, and their families (rounds.h). The live ones are in a walk of
  // reason resync between begin and end. alive() comes behind the walk, with the addresses of all
  // live mms (none: nobody knows), and before the ring is read once more. An mm that was not read,
  // or not in one state with its relatives, is tainted and a suspect in the next round.
  bool suspects() const { return rounds_.has_suspects(); }
  void begin_round() { rounds_.begin(); }
  void alive(const std::optional<std::vector<std::uint64_t>>& addresses) {
    rounds_.alive(addresses);
  }
  // May the mm at `address` be part of this round?
  bool in_round(std::uint64_t address) const {
    return rounds_.contains(address, execs_.contains(address));
  }
  void end_round(std::uint64_t now_ns, const Rounds::Lives& lives);

  // The local tgid of a process that uses the mm, to walk it; 0 when none is known or the mm has
  // gone.
  std::uint32_t local_tgid_of(MmId mm) const;
  // mms that live but were not announced: children of a parent not yet walked.
  std::size_t orphans() const { return orphans_.size(); }
  void forget_orphans() { orphans_.clear(); }
  std::uint64_t malformed() const { return malformed_; }

 private:
  struct Tgid {
    std::uint32_t initial = 0;  // as the trace has it
    std::uint32_t local = 0;
  };
  struct Walk {
    SnapReason reason;
    std::unordered_map<std::uint64_t, WalkedMm> mms;  // by kernel address
  };

  void take(std::span<const std::byte> bytes);
  template <class T>
  bool read(std::span<const std::byte> bytes, T& record);
  std::uint64_t since_start(std::uint64_t time_ns) const;
  EventHead head(const anonvma_record& record, MmId mm) const;
  EventGroup group(const anonvma_record& record, MmId mm, EventBody body) const;
  MmId bear(std::uint64_t address, Tgid tgid, const anonvma_record& record, std::uint32_t family);
  void taint_newborn(std::uint64_t address, MmId mm, const anonvma_record& record,
                     std::uint32_t seq);
  void drop_unborn(const anonvma_record& record);
  void taint(MmId mm, std::uint64_t now_ns);
  void on_fork_unseen(const anonvma_fork_record& record, MmId parent);
  void on_resync(const anonvma_walk_record& record, const WalkedMm& walked);
  void end_unseen(std::uint64_t address, MmId mm, std::uint64_t time_ns);
  void retire(std::uint64_t address, MmId mm, std::uint64_t time_ns);

  void on_op(const anonvma_op_record& record);
  void on_write(const anonvma_record& record, std::uint64_t syscall);
  void on_fork(const anonvma_fork_record& record);
  void on_shared(const anonvma_fork_record& record);
  void on_exec(const anonvma_exec_record& record);
  std::optional<MmId> begun_exec(const anonvma_exec_record& record);
  bool may_have_begun_before(const anonvma_record& record) const;
  void on_seen(const anonvma_exec_record& record);
  EventGroup seen_by(const anonvma_exec_record& record, const EventHead& head, SnapReason reason);
  void on_exit(const anonvma_record& record);
  void on_fault(const anonvma_fault_record& record);
  void tell(const anonvma_truth_record& record);
  void tell(const anonvma_truth_record& record, MmId mm);
  void on_touch(const anonvma_touch_record& record);
  void on_truth(anonvma_truth_record r);
  void on_vma(anonvma_truth_record record);
  void on_walk(const anonvma_walk_record& record);
  bool is_in_the_making(const anonvma_walk_vma& of) const;
  void note_vmas(const WalkedMm& walked);
  SnapVma snap_vma(const anonvma_vma& vma);
  EventGroup snapshot(const EventHead& head, const WalkedMm& walked, SnapReason reason);

  Order& order_;
  std::uint64_t start_ns_ = 0;
  std::uint64_t page_size_;
  bool tracked_only_;
  std::optional<RingOrder> ring_order_;
  AddressMap addresses_;
  TruthIds truth_ids_{addresses_};
  Families families_;
  Rounds rounds_;
  Overlap overlap_;
  RcuVmas rcu_vmas_;
  std::unordered_map<MmId, Tgid> tgids_;
  std::map<std::uint64_t, Walk> walks_;
  std::unordered_map<std::uint32_t, std::vector<anonvma_vma>> seen_vmas_;  // by tid
  std::unordered_map<std::uint64_t, MmId> execs_;                          // new mm to old
  std::unordered_map<std::uint32_t, MmId> execs_of_;  // by tgid, where nobody sees the new one
  std::unordered_map<std::uint32_t, std::vector<Event>> exec_objects_;  // by tgid
  std::unordered_map<std::uint64_t, std::uint32_t> orphans_;            // mm to tgid
  bool lossy_ = false;                                                  // ever
  StartWindow start_;
  std::unordered_set<MmId> taken_back_;
  std::map<std::uint32_t, std::uint64_t> unborn_;  // records dropped, by kind
  std::uint64_t malformed_ = 0;
};

}  // namespace anonvma
