// Calls, exits and faults that were in flight when the recording ended: only the kernel's side or
// only the model's side is known. They are counted, and left out of the comparison.
#pragma once

#include <cstdint>

#include "engine/verify/books.h"
#include "engine/verify/kernel_books.h"
#include "engine/verify/lanes.h"
#include "engine/verify/prepares.h"
#include "engine/verify/unseen_writers.h"
#include "engine/vma/rmap.h"

namespace anonvma {

class InFlight {
 public:
  // On a kernel that frees vmas by RCU (`rcu`), vmas that a call has unmapped may be freed before
  // the call returns.
  InFlight(Books& books, LeftOut& left_out, KernelBooks& kernel, const Prepares& prepares, bool rcu)
      : books_(books), left_out_(left_out), kernel_(kernel), prepares_(prepares), rcu_(rcu) {}

  // A vma was prepared by a task of `mm` with objects that it had allocated before the recording.
  void began_before(MmId mm, const Prepared& prepared);

  // These three are called at the end of the recording, in this order. Calls have allocated objects
  // without an event, exits have freed objects without an ExitMmap.
  void leave_out_calls_and_exits(std::uint64_t end_ns, UnseenWriters& writers, Lanes& lanes);
  // Exceptions just before the end, for which the kernel had not yet prepared a vma.
  void take_faults_as_handled(std::uint64_t end_ns);
  // Tasks that have prepared a vma, but have no event that tells which vma.
  void leave_out_makers(std::uint64_t end_ns);

  std::uint64_t count() const { return count_; }  // calls and faults

 private:
  void leave_out(MmId mm, const Counts& counts);
  bool leave_out_writers(MmId mm, std::uint64_t end_ns, UnseenWriters& writers, Lanes& lanes);
  void leave_out_frees(MmId mm, Book& book);
  void take_step_as_over(MmId mm, const Book& book);

  Books& books_;
  LeftOut& left_out_;
  KernelBooks& kernel_;
  const Prepares& prepares_;
  bool rcu_;
  std::uint64_t count_ = 0;
};

}  // namespace anonvma
