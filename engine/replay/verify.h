// The model held against the kernel that recorded the trace.
//
// A Verifier drives the address spaces of the recording kernel's own strategy and compares them
// with what the trace says the kernel itself had: map_count before each operation, vmas and chains
// in snapshots, and, with the truth lane, every object that was allocated or freed. Nothing of that
// lane flows into the model.
//
// Two books are kept. An operation with a lock token (mm, seq) is compared when it is replayed:
// what the kernel allocated and freed under that token against what the model did. Everything else
// (faults, exits, what a call populates) is added up per mm, and compared when the mm ends.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/replay/verdict.h"
#include "engine/slab/budget.h"
#include "engine/trace/collected.h"
#include "engine/trace/meta.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

class Verifier {
 public:
  // `spaces` allocates from `slab`. Both outlive the verifier.
  Verifier(const Meta& meta, const SlabAccount& slab, const AddressSpaces& spaces);

  // It is told of everything in the trace, in order.
  // The time of an event, before any of the following.
  void clock(std::uint64_t now_ns) { newest_ns_ = std::max(newest_ns_, now_ns); }
  // The kernel allocated or freed an object.
  void kernel_object(const EventHead& head, const Truth& truth);
  // The model has applied `event`.
  void settled(const Event& event, std::uint64_t index, const OpEffect& effect);
  // A snapshot is over, and applied if it comes in no set.
  void taken(const MmSnapshot& snapshot, const OpEffect& effect);
  // A set of snapshots is over and applied.
  void taken(const SnapshotSet& set);
  // The model has dropped the copies of the fork of `mm` that was in flight.
  void fork_abandoned(MmId mm);
  // The last event has been applied. Forks in flight are abandoned behind this call, and finish()
  // comes then.
  void look_a_last_time();
  // How many comparisons have failed so far, and the first of them in full.
  std::uint64_t differing() const;
  // What it has come to beside the address spaces.
  Budget spent() const;
  const std::vector<std::string>& differences() const { return differences_; }
  Verdict finish();

  // Nothing is under way that one side has seen and the other has not.
  bool at_rest() const;
  // The kernel's anon_vma that the model knows as `name`, where a snapshot told; none elsewhere.
  AnonVmaId kernel_name(std::uint64_t name) const;
  // The lock number at which the snapshot of the start was taken; 0: it was none.
  std::uint32_t attach_seq(MmId mm) const;

 private:
  enum LaneIndex : std::uint8_t {
    kMapCount,
    kWriters,
    kVmas,
    kChains,
    kOperations,
    kFaults,
    kPerMm,
    kAllocated,                       // one lane per cache
    kLive = kAllocated + kNumCaches,  // one lane per cache
    kNumLanes = kLive + kNumCaches,
  };
  // What one mm's tasks allocated and what was freed of it, outside exec.
  struct Book {
    Counts kernel, model;
    std::uint64_t kernel_prepared = 0, model_prepared = 0;
    std::uint32_t last_seq = 0;    // of the last operation replayed
    std::uint64_t op_ns = 0;       // when its call returned
    std::uint64_t freed_ns = 0;    // when an operation last freed an object
    std::uint64_t exit_ns = 0;     // ... and when something else did: an exit
    std::uint64_t gave_up_ns = 0;  // when an operation of the model last freed a vma
    bool ending = false;           // its last task has exited
  };
  using Token = std::uint64_t;  // mm and seq
  static Token token_of(MmId mm, std::uint32_t seq) { return std::uint64_t{mm.v} << 32 | seq; }

  // verify.cpp, verify_books.cpp
  // With the kernel's own objects; without an end once one of them may be missing.
  bool compares_objects() const { return truth_ && lost_ == 0; }
  void on_lost(const Lost& lost);
  void lost_race(const EventHead& head);
  void resynchronised(const MmSnapshot& seen, const Counts& delta);
  void applied(const Event& event, std::uint64_t index, const OpEffect& effect);
  static bool same_but_for_last_reference(const Counts& kernel, const Counts& model);
  void close_operation(const Event& event, std::uint64_t index, const Counts& model);
  void close_book(MmId mm, const std::string& where);
  void forget_steps(MmId mm);
  void leave_out(MmId mm, const Counts& counts);
  void note_event_of(const Event& event, const Counts& for_preparing, std::uint64_t prepared);
  void take_faults_as_handled();
  void leave_out_makers();
  void leave_out_what_is_under_way();
  void close_failed_operations(MmId mm);
  void settle_failed();
  void wait_for_vmas(MmId mm, Book& book, const std::string& where);
  bool came_back(MmId mm);
  void settle_waiting();
  void compare_totals();
  void note_kin(const MmSnapshot& seen);
  std::uint64_t kin_elsewhere() const;
  void exec_is_over(const MmSnapshot& seen, const Counts& model);
  Lane& lane(LaneIndex index) { return lanes_[index]; }
  void differ(const std::string& difference);
  void compare(LaneIndex index, bool equal, const std::string& difference);
  std::string place(const EventHead& head, std::uint64_t index, std::string_view what) const;

  // verify_state.cpp
  void compare_state(const MmSnapshot& seen);
  bool same_file(std::uint64_t kernel, FileId model);
  bool same_mapping(const VmaSnapshot& kernel, VmaId model);
  void compare_chain(const MmSnapshot& seen, const VmaSnapshot& kernel, VmaId model,
                     const std::string& where);
  bool same_counters(const SnapChain& kernel, const Strategy::ChainLink& model) const;
  // A chain entry whose counters differed when its walk began. The kernel was read a little later,
  // perhaps in the middle of a relative's fork or exit: what it had must lie between what the model
  // comes through meanwhile. Or a vma that was faulted meanwhile, which no walk holds up: the model
  // must come to it, too.
  struct Late {
    MmId mm;
    std::uint64_t start = 0;  // of the vma
    bool unfaulted = false;   // then nothing below `kernel` counts
    std::size_t entry = 0;
    SnapChain kernel;
    Strategy::ChainLink least, most;  // counters of the model since
    std::uint64_t until_ns = 0;
    std::uint32_t seq = 0;  // of the walk
    bool moved = false;  // a relative was born or ended between the walk and its place in the order
    std::string difference;
  };
  bool caught_up(Late& late);
  VmaId vma_at(MmId mm, std::uint64_t start);
  bool faulted_by_now(const Late& late);
  bool faults_late(const MmSnapshot& seen, const SnapVma& vma) const;
  void look_again(std::uint64_t now_ns);
  void excuse(MmId mm, std::uint32_t seq);
  bool same_anon_vma(AnonVmaId kernel, std::uint64_t model);
  std::string describe(VmaId model) const;

  const SlabAccount& slab_;
  const AddressSpaces& spaces_;
  bool truth_;
  bool slice_;  // the snapshots of the start are the model's: there is nothing to compare
  bool rcu_;    // vmas come back a grace period after they were freed
  std::string machine_;
  std::map<std::uint64_t, std::uint64_t> unseen_writers_;  // by UnknownWrite.syscall
  bool degree_;  // the kernel counts vmas and children of an anon_vma together, as num_children
  std::array<Lane, kNumLanes> lanes_;
  std::vector<std::string> differences_;

  std::uint64_t work_ = 0;  // steps: comparisons, and what they looked at
  struct Unexplained {
    std::uint64_t acquires = 0, last_ns = 0;
    Counts kernel;  // what they allocated and freed
  };
  std::unordered_map<MmId, Unexplained> unexplained_;   // unknown writers without a snapshot
  std::unordered_map<MmId, std::uint32_t> attach_seq_;  // earlier tokens are in the snapshot
  std::uint64_t newest_ns_ = 0;
  std::uint64_t kin_ns_ = 0;  // when an address space was last born or ended
  std::uint64_t open_ = 0;    // write acquires and faults that were under way at the end
  std::uint64_t lost_ = 0;    // records; the objects' lanes rest on having them all

  std::array<std::unordered_set<std::uint64_t>, kNumCaches> objects_;  // alive, seen allocated
  std::map<Token, Counts> operations_;               // of the kernel, not yet replayed
  std::map<Token, Counts> preparing_;                // what those prepared themselves
  std::unordered_map<MmId, Counts> steps_;           // of the model, until their Fork
  std::unordered_map<std::uint32_t, Counts> execs_;  // by tgid, until the Exec's snapshot
  std::map<MmId, Book> books_;                       // of the mms alive
  std::unordered_map<std::uint32_t, std::uint64_t> prepared_by_;  // tid: anon_vma it just made
  std::unordered_map<std::uint32_t, std::uint64_t> dropped_by_;   // tid: anon_vma it just freed
  struct Exception {
    MmId mm;
    std::uint64_t addr = 0, ns = 0;
    Counts model;                  // what it allocated
    std::uint64_t handled_ns = 0;  // when the kernel did; 0: not seen
    std::uint32_t seq = 0;         // number of the lock
  };
  std::unordered_map<std::uint32_t, Exception> faults_;  // the last one of each tid
  // What a task has allocated to prepare a vma, until an event of its own says for which.
  struct Maker {
    MmId mm;
    Counts counts;
    std::uint64_t ns = 0;
    bool told = false;  // its last event was the fault that this is for
  };
  std::unordered_map<std::uint32_t, Maker> makers_;  // by tid
  Counts kernel_;                                    // compared with the model at the end
  Counts model_;
  Counts exec_temporaries_, lost_races_, failed_, under_way_;
  // Vmas that the model has freed and the kernel not yet, of the books that were closed.
  struct Waiting {
    std::uint64_t vmas = 0, since_ns = 0;
    std::string where;
  };
  std::map<MmId, Waiting> waiting_;
  std::uint64_t waited_for_ = 0;  // at the end
  std::unordered_map<FileId, std::uint64_t> unnamed_;
  std::vector<Late> late_;
  std::size_t unfaulted_ = 0;  // of those
  // Of the anon_vmas at attach: what the kernel counts, and what of it the snapshots show.
  struct Kin {
    std::uint64_t active = 0, children = 0, active_seen = 0;
    std::unordered_set<std::uint32_t> children_seen;
  };
  std::unordered_map<std::uint32_t, Kin> kin_;
  // Names of the kernel's anon_vmas and the model's.
  std::unordered_map<std::uint32_t, std::uint64_t> to_model_;
  std::unordered_map<std::uint64_t, std::uint32_t> to_kernel_;
};

}  // namespace anonvma
