// The kernel's side of the books, made from every object of the truth lane.
//
// An object that carries a lock token (mm, seq) waits for the operation of that token, which is
// compared when it is replayed. All other objects (of faults, exits and populating calls) are added
// up in the book of their mm, which is compared when the mm ends.
//
//   Truth, with a token     ─► operations ─► the operation of this token: compared at once ─┐
//   Truth, of a prepare     ─► Prepares                                                     │
//   Truth, inside of execve ─► execs ─► the snapshot of this exec: compared at once         │
//   Truth, any but of exec  ─► Book of the mm, compared at exit_mmap() ◄────────────────────┘
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "engine/trace/collected.h"
#include "engine/trace/event.h"
#include "engine/verify/books.h"
#include "engine/verify/prepares.h"
#include "engine/verify/rcu_wait.h"

namespace anonvma {

class KernelBooks {
 public:
  KernelBooks(Books& books, LeftOut& left_out, RcuWait& rcu, Prepares& prepares)
      : books_(books), left_out_(left_out), rcu_(rcu), prepares_(prepares) {}

  // Books an object. False if the snapshot of the start has the object already, or if the event
  // names no known cache.
  bool take(const EventHead& head, const Truth& truth);
  // The snapshot of the start was taken. It has the objects of earlier tokens.
  void attached(const MmSnapshot& snapshot);
  // The lock number of the snapshot of the start; 0: there was none.
  std::uint32_t attach_seq(MmId mm) const;
  // The snapshot of the end was taken.
  void ended(const MmSnapshot& snapshot);
  // The anon_vmas that are still allocated at the end, and that no snapshot of the end has.
  std::uint64_t anon_vmas_without_vma() const;
  bool was_attached(MmId mm) const { return attach_seq_.contains(mm); }

  // The kernel's objects under a token, or inside of an execve. A call removes them.
  Counts take_operation(MmId mm, std::uint32_t seq);
  // The operation of this token has been compared, including its preparations.
  void forget_preparing(MmId mm, std::uint32_t seq) { preparing_.erase(token_of(mm, seq)); }
  Counts take_exec(std::uint32_t tgid);
  // The kernel's objects of calls after the token `seq` whose event is missing. `preparing` are the
  // objects that these calls allocated to prepare vmas.
  struct Unfinished {
    bool any = false;  // `operations` has objects
    Counts operations, preparing;
  };
  Unfinished take_behind(MmId mm, std::uint32_t seq);
  // The mm ends. Tokens without an event are those of failed forks, which must have freed all their
  // objects again. settle_failed() compares this later, as the objects of the copy are freed in the
  // name of an mm without a Fork event.
  void close(MmId mm);

  bool at_rest() const;
  std::uint64_t bytes() const;

 private:
  using Token = std::uint64_t;  // mm and seq
  static Token token_of(MmId mm, std::uint32_t seq) { return std::uint64_t{mm.v} << 32 | seq; }
  bool is_in_snapshot(const EventHead& head, TruthSite site) const;
  void lost_race(const EventHead& head);
  void book(const EventHead& head, TruthSite site, const Counts& one);
  void prepared(const EventHead& head, CacheIndex cache, std::uint64_t object);

  Books& books_;
  LeftOut& left_out_;
  RcuWait& rcu_;
  Prepares& prepares_;
  std::array<std::unordered_set<std::uint64_t>, kNumCaches> alive_;  // known to be allocated
  std::map<Token, Counts> operations_;                               // not yet replayed
  std::map<Token, Counts> preparing_;  // objects that those allocated to prepare
  // The work of a loader, by tgid, until the snapshot of the exec. An exec that fails has none.
  struct InExec {
    Counts counts;
    std::unordered_set<std::uint64_t> anon_vmas;  // those that live
  };
  std::unordered_map<std::uint32_t, InExec> execs_;
  std::unordered_map<MmId, std::uint32_t> attach_seq_;
  std::unordered_set<std::uint64_t> shown_at_end_;  // anon_vmas
};

}  // namespace anonvma
