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
#include "tracers/convert/late_frees.h"
#include "tracers/convert/order.h"
#include "tracers/convert/overlap.h"
#include "tracers/convert/rcu_vmas.h"
#include "tracers/convert/ring_order.h"
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
  void number_in_ring_order() { ring_order_.emplace(); }

  // One record of the ring; one too short for its kind is counted and dropped.
  void record(std::span<const std::byte> bytes);
  // What walk `id` saw. Called before the ring records of that walk are given.
  void add_walk(std::uint64_t id, SnapReason reason, std::vector<WalkedMm> mms);
  void forget_walk(std::uint64_t id) { walks_.erase(id); }
  // Between these two walks for SnapReason::attach announce what is alive.
  void begin_attach() {
    attaching_ = joined_ = true;
    rcu_vmas_.begin_start();
  }
  void end_attach();
  // Was announced by a walk for attach, and again by a Fork or Exec that was recorded later.
  bool taken_back(MmId mm) const { return taken_back_.contains(mm); }
  // Records were dropped. Their mm is suspect until a round (below) has put it right.
  void lost(const LostCount& lost, std::uint64_t now_ns);
  // Tells of the records that were dropped here, as the birth of their mm was lost; how many.
  std::uint64_t tell_unborn(std::uint64_t now_ns);

  // A round reads the suspects again, and their families: every mm that may share an anon_vma with
  // them. Those that live are in a walk of reason resync between begin and end; alive() comes
  // behind the walk, with all that live then (none: nobody knows), and before a last look into the
  // ring. Who was not read, or not in one state with its relatives, is tainted and suspect again
  // behind it.
  bool suspects() const { return all_suspect_ || !suspects_.empty(); }
  void begin_round();
  void alive(std::optional<std::vector<std::uint64_t>> addresses);
  // May the mm at `address` be part of this round?
  bool in_round(std::uint64_t address) const;
  // `lives`: does the mm at the address still?
  void end_round(std::uint64_t now_ns, const std::function<bool(std::uint64_t)>& lives);

  // The local tgid of a process that uses the mm, to walk it; 0 when none is known or the mm has
  // gone.
  std::uint32_t local_tgid_of(MmId mm) const;
  // mms that live but were not announced: children of a parent not yet walked.
  std::size_t orphans() const { return orphans_.size(); }
  void forget_orphans() { orphans_.clear(); }
  std::uint64_t malformed() const { return malformed_; }

 private:
  // What a round saw of an anon_vma.
  struct Numbers {
    MmId by;  // the first that is linked to it
    std::uint64_t root = 0, parent = 0;
    std::uint64_t users = 0;  // children and vmas of its own, as the kernel counts them
    std::uint64_t shown = 0;  // of them, in the snapshots
    bool own = false;         // counted where the vmas of its own are
    bool another = false;     // two objects, one after the other
  };
  struct Round {
    bool active = false;
    bool all = false;
    std::unordered_map<std::uint64_t, std::uint32_t> suspects;
    std::unordered_set<std::uint32_t> families;
    std::unordered_set<MmId> placed;                // their state is known again
    std::unordered_map<std::uint64_t, MmId> roots;  // of the placed
    std::unordered_map<std::uint64_t, Numbers> numbers;
    std::unordered_set<std::uint32_t> forked;    // families, behind a snapshot of theirs
    std::unordered_set<std::uint32_t> doubtful;  // families
    std::uint32_t first_new = 0;                 // mms from here on were born in it
    bool sees_alive = false;
    std::unordered_set<std::uint64_t> alive;  // addresses
    std::uint32_t first_unlisted = 0;         // mms from here on were born behind that list
  };
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
  void on_resync(const anonvma_walk_record& record, WalkedMm& walked);
  void note_numbers(MmId mm, const WalkedMm& walked);
  void weigh_numbers();
  void settle_unplaced(std::uint64_t now_ns, const std::function<bool(std::uint64_t)>& lives);
  void look_for_unannounced(const std::function<bool(std::uint64_t)>& lives);
  std::uint32_t family_of(MmId mm) const;
  void unite(std::uint32_t a, std::uint32_t b);
  bool wanted_in_round(MmId mm) const;
  bool is_gone(std::uint64_t address, MmId mm) const;
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
  void remember(const anonvma_fault_record& record);
  void faults_behind(MmId mm, const WalkedMm& walked);
  void note_fault(const anonvma_record& head, std::uint64_t addr);
  void note_fault(const anonvma_record& head, std::uint64_t addr, const WalkedMm& walked);
  bool is_in_walk(const anonvma_truth_record& record, MmId mm);
  void settle(std::uint32_t tid);
  void tell(const anonvma_truth_record& record);
  void tell(const anonvma_truth_record& record, MmId mm);
  void on_touch(const anonvma_touch_record& record);
  void on_truth(anonvma_truth_record r);
  void correct_cache(anonvma_truth_record& r) const;
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
  LateFrees late_frees_;
  AddressMap addresses_;
  Overlap overlap_;
  RcuVmas rcu_vmas_;
  std::unordered_map<MmId, Tgid> tgids_;
  std::map<std::uint64_t, Walk> walks_;
  std::unordered_map<std::uint32_t, std::vector<anonvma_vma>> seen_vmas_;  // by tid
  std::unordered_map<std::uint64_t, MmId> execs_;                          // new mm to old
  std::unordered_map<std::uint32_t, MmId> execs_of_;  // by tgid, where nobody sees the new one
  std::unordered_map<std::uint32_t, std::vector<Event>> exec_objects_;  // by tgid
  std::unordered_map<std::uint64_t, std::uint32_t> orphans_;            // mm to tgid
  std::unordered_map<MmId, std::uint32_t> families_;  // mms since an exec; 0: alive at the start
  std::uint32_t next_family_ = 1;
  std::unordered_map<std::uint64_t, std::uint32_t> suspects_;  // address to kinds lost
  bool all_suspect_ = false;
  bool lossy_ = false;  // ever
  bool attaching_ = false, joined_ = false;
  // Of mms that no walk has reached yet, by address: since the last write acquire of each.
  std::unordered_map<std::uint64_t, std::vector<anonvma_fault_record>> early_faults_;
  std::unordered_map<std::uint64_t, WalkedMm> start_walks_;  // of the others, by address
  // Tasks by their last fault: has the walk seen its effect?
  std::unordered_map<std::uint32_t, bool> in_walk_;
  std::unordered_set<std::uint64_t> start_anon_vmas_;  // that a walk has seen, not freed since
  std::unordered_map<std::uint32_t, anonvma_truth_record> prepares_;  // by tid, to be settled
  std::unordered_set<MmId> taken_back_;
  std::map<std::uint32_t, std::uint64_t> unborn_;  // records dropped, by kind
  Round round_;
  std::uint64_t malformed_ = 0;
};

}  // namespace anonvma
