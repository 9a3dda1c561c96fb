// The kernel's side of the books: every object of the truth lane goes in here.
//
// An object that carries a lock token (mm, seq) waits for the operation of that token, which is
// compared when it is replayed. All others (faults, exits, what a call populates) are added up in
// the book of their mm, which is compared when the mm ends.
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

  // Books an object. False when it is in the snapshot of the start already, or is none.
  bool take(const EventHead& head, const Truth& truth);
  // The snapshot of the start was taken: objects under earlier tokens are in it.
  void attached(const MmSnapshot& snapshot);
  // The lock number of that snapshot; 0: none was taken.
  std::uint32_t attach_seq(MmId mm) const;
  bool was_attached(MmId mm) const { return attach_seq_.contains(mm); }

  // The kernel's objects under a token, or inside of an execve. They are asked for once.
  Counts take_operation(MmId mm, std::uint32_t seq);
  // The operation of this token has been compared, with what it prepared.
  void forget_preparing(MmId mm, std::uint32_t seq) { preparing_.erase(token_of(mm, seq)); }
  Counts take_exec(std::uint32_t tgid);
  // The kernel's objects of calls behind the token `seq`, of which no event has come. `preparing`
  // is what they allocated to prepare vmas.
  struct Unfinished {
    bool any = false;  // of operations
    Counts operations, preparing;
  };
  Unfinished take_behind(MmId mm, std::uint32_t seq);
  // The mm ends. Tokens that no event has named are those of forks that failed. They may leave
  // nothing behind, as settle_failed() will tell: the objects of the copy are freed in the name of
  // an mm that nobody announced.
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
  std::array<std::unordered_set<std::uint64_t>, kNumCaches> alive_;  // seen allocated
  std::map<Token, Counts> operations_;                               // not yet replayed
  std::map<Token, Counts> preparing_;                // what those prepared themselves
  std::unordered_map<std::uint32_t, Counts> execs_;  // by tgid, until the snapshot of the exec
  std::unordered_map<MmId, std::uint32_t> attach_seq_;
};

}  // namespace anonvma
