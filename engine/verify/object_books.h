// The two books of objects: allocations and frees of the kernel, and those of the model.
//
//   kernel   Truth ─► KernelBooks ─┐                    ┌─ by operation, when it is replayed
//                                  ├─► Books: compared ─┼─ by address space, when it ends
//   model    OpEffect ─────────────┘                    └─ in total, at the end
//
// Execve is no operation of the model, which takes its result from a snapshot: the objects that
// execve kept must be those that the snapshot makes.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/trace/collected.h"
#include "engine/trace/event.h"
#include "engine/trace/meta.h"
#include "engine/verify/books.h"
#include "engine/verify/in_flight.h"
#include "engine/verify/kernel_books.h"
#include "engine/verify/lanes.h"
#include "engine/verify/prepares.h"
#include "engine/verify/rcu_wait.h"
#include "engine/verify/unseen_writers.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

class ObjectBooks {
 public:
  ObjectBooks(const Meta& meta, const SlabAccount& slab, const AddressSpaces& spaces, Lanes& lanes);
  ObjectBooks(const ObjectBooks&) = delete;  // its parts refer to each other
  ObjectBooks& operator=(const ObjectBooks&) = delete;

  // True if the trace has the truth lane, as long as no record was lost.
  bool compares() const { return truth_ && !lost_; }
  void records_lost() { lost_ = true; }

  // The kernel's side. False if the object is not booked.
  bool take(const EventHead& head, const Truth& truth) {
    return !lost_ && kernel_.take(head, truth);
  }
  void attached(const MmSnapshot& snapshot) { kernel_.attached(snapshot); }
  void ended(const MmSnapshot& snapshot) {
    if (truth_) kernel_.ended(snapshot);
  }
  std::uint32_t attach_seq(MmId mm) const { return kernel_.attach_seq(mm); }
  // The kernel's objects under the token of an unseen writer.
  Counts take_unseen(const EventHead& head);

  // The model's side.
  void settled(const Event& event, std::uint64_t index, const OpEffect& effect);
  void exec_over(const MmSnapshot& snapshot, const Counts& model);
  void resynchronised(const MmSnapshot& snapshot, const OpEffect& effect);
  // The copies of the fork of `mm` that was in flight are dropped.
  void fork_abandoned(MmId mm);

  // The mm has ended: compares its book.
  void close(MmId mm, const std::string& where);
  // The recording is over. The order of calls: leave_out_in_flight(), a close() for each of open(),
  // compare_totals().
  void leave_out_in_flight(std::uint64_t end_ns, UnseenWriters& writers);
  std::vector<MmId> open() const;
  bool is_open(MmId mm) const { return books_.find(mm) != nullptr; }
  void compare_totals(std::uint64_t end_ns);
  std::vector<Excluded> excluded() const;
  std::uint64_t in_flight() const { return in_flight_.count(); }

  // For comparisons of states: true if an operation of `mm` freed objects after this time; true if
  // a call of `mm` returned after this time.
  bool unlinked_behind(MmId mm, std::uint64_t time_ns) const;
  bool returned_behind(MmId mm, std::uint64_t time_ns) const;
  const Prepares& prepares() const { return prepares_; }

  // True if kernel and model have booked the same, and nothing is in flight.
  bool at_rest() const;
  std::uint64_t bytes() const;

 private:
  void note_event(const Event& event, const Prepared& prepared);
  void operation(const Event& event, std::uint64_t index, const OpEffect& effect);
  void no_operation(const Event& event, const OpEffect& effect);
  void close_operation(const Event& event, std::uint64_t index, const Counts& model);
  struct Operation {
    Counts kernel, model;
    bool failed = false;
  };
  void expect_late_frees(Operation& call) const;
  template <class Describe>
  void compare(MmId mm, Operation call, Describe describe);
  void compare_half_done(MmId mm);
  void settle_failed();
  void leave_out_held();
  std::int64_t live(CacheIndex cache) const;

  const SlabAccount& slab_;
  const AddressSpaces& spaces_;
  Lanes& lanes_;
  bool truth_;
  bool rcu_free_;  // vmas are freed a grace period after they were unmapped
  bool lost_ = false;
  Books books_;
  LeftOut left_out_;
  RcuWait rcu_{books_};
  Prepares prepares_;
  KernelBooks kernel_{books_, left_out_, rcu_, prepares_};
  InFlight in_flight_;
  std::unordered_map<MmId, Counts> steps_;  // objects of the model's Steps, until their Fork
  // Failed calls, until a snapshot or the next operation of their mm.
  struct HalfDone {
    Operation call;
    std::string text;
  };
  std::unordered_map<MmId, HalfDone> half_done_;
};

}  // namespace anonvma
