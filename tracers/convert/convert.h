// Records of the ring become events. Records come in the order of the ring; events go to the Order.
//
//   record ─ on_*(): addresses to ids ─────────────────────────────────────┬─ Order
//            vmas of a reading or a walk ─ snapshots.h ────────────────────┤
//            slab objects ─ start_window.h ─ rcu_vmas.h ─ truth_lane.h ────┤
//            losses ─ rounds.h: their mms are read again ──────────────────┘
//
// An mm is announced by its Fork, its Exec or a walk. Records of an mm that is not announced are
// dropped, as an execve still fills it or its fork failed. A walked mm becomes an event at the ring
// record that the walk wrote for it, so its place among the other records is exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tracers/convert/address_map.h"
#include "tracers/convert/cgroups.h"
#include "tracers/convert/execs.h"
#include "tracers/convert/families.h"
#include "tracers/convert/heads.h"
#include "tracers/convert/open_walks.h"
#include "tracers/convert/order.h"
#include "tracers/convert/processes.h"
#include "tracers/convert/ring_order.h"
#include "tracers/convert/rounds.h"
#include "tracers/convert/snapshots.h"
#include "tracers/convert/start_window.h"
#include "tracers/convert/truth_lane.h"
#include "tracers/convert/unborn.h"
#include "tracers/convert/walked.h"
#include "tracers/lost_count.h"
#include "tracers/records.h"

namespace anonvma {

// Each kind of record has a method. Those that deal with losses are in converter_losses.cpp.
class Converter {
 public:
  // `tracked_only`: the recording is of some processes, not of the whole system.
  Converter(Order& order, std::uint64_t page_size, bool tracked_only);
  // Sets the CLOCK_MONOTONIC of time 0 of the trace. To be called before the first record.
  void set_start(std::uint64_t start_ns) { heads_.set_start(start_ns); }
  // For kernels on which no hook sees the mmap_lock. To be called before the first record.
  void number_in_ring_order() {
    ring_order_.emplace();
    truth_.expect_late_frees();
  }

  // To be called before the first record.
  void look_up_cgroups_by(Cgroups::PathOf path_of) { cgroups_.look_up_by(std::move(path_of)); }

  // Takes one record of the ring. A record that is too short for its kind is counted and dropped.
  void record(std::span<const std::byte> bytes);
  // Adds the result of walk `id`. To be called before record() gets the ring records of that walk.
  void add_walk(std::uint64_t id, SnapReason reason, std::vector<WalkedMm> mms) {
    walks_.add(id, reason, std::move(mms));
  }
  void forget_walk(std::uint64_t id) { walks_.forget(id); }
  // Holds back what cannot be decided before the start of the recording is walked.
  StartWindow& start() { return start_; }

  // Records were lost. Their mm is suspect until a round has read it again.
  void lost(const LostCount& lost, std::uint64_t now_ns);
  // Writes Lost events for records that were dropped here because the birth of their mm was lost.
  // Returns the number of those records.
  std::uint64_t report_unborn(std::uint64_t now_ns);

  // A round (rounds.h) reads the suspects and their families again: begin_round(), a walk of reason
  // resync, alive() with the addresses of all live mms (or nothing, if they are not known), the
  // rest of the ring, end_round(). An mm that the round could not read, or could not read in the
  // same state as its relatives, stays tainted and is a suspect in the next round.
  bool suspects() const { return rounds_.has_suspects(); }
  void begin_round() { rounds_.begin(); }
  void alive(const std::optional<std::vector<std::uint64_t>>& addresses) {
    rounds_.alive(addresses);
  }
  // True if the mm at `address` may be part of the round.
  bool in_round(std::uint64_t address) const {
    return rounds_.contains(address, execs_.fills(address));
  }
  void end_round(std::uint64_t now_ns, const Rounds::Lives& lives);

  // The local tgid of a process that uses the mm, for a walk; 0 if none is known or the mm has
  // ended.
  std::uint32_t local_tgid_of(MmId mm) const { return processes_.tgid_of(mm).local; }
  // The number of live mms that are not announced, see Processes::add_orphan().
  std::size_t orphans() const { return processes_.orphans(); }
  void forget_orphans() { processes_.forget_orphans(); }
  // The local tgids of processes that came into the recorded cgroup and need a walk.
  std::set<std::uint32_t> take_newcomers() { return std::exchange(newcomers_, {}); }
  std::uint64_t malformed() const { return malformed_; }

 private:
  void take(std::span<const std::byte> bytes);
  template <class T>
  bool read(std::span<const std::byte> bytes, T& record);
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
  void on_seen(const anonvma_exec_record& record);
  void on_exit(const anonvma_record& record);
  void on_fault(const anonvma_fault_record& record);
  void on_touch(const anonvma_touch_record& record);
  void on_new_anon_vma(const anonvma_touch_record& record);
  void on_walk(const anonvma_walk_record& record);
  void on_name(const anonvma_name_record& record);
  void on_cgroup(const anonvma_cgroup_record& record);
  bool is_in_the_making(const anonvma_walk_vma& of) const;

  Order& order_;
  const std::uint64_t page_size_;
  std::optional<RingOrder> ring_order_;
  Heads heads_;
  AddressMap addresses_;
  Processes processes_;
  Families families_;
  Rounds rounds_;
  OpenWalks walks_;
  Snapshots snapshots_{addresses_};
  Execs execs_;
  StartWindow start_;
  TruthLane truth_;
  Unborn unborn_;
  std::unordered_set<std::uint64_t> sent_names_;  // ids whose text is in the trace
  Cgroups cgroups_;
  std::set<std::uint32_t> newcomers_;  // local tgids
  std::uint64_t malformed_ = 0;
};

}  // namespace anonvma
