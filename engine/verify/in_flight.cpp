#include "engine/verify/in_flight.h"

#include <algorithm>

namespace anonvma {
namespace {
// A call that began less than this before the end may have been in flight.
constexpr std::uint64_t kCallTakesNs = 250'000'000;
}  // namespace

void InFlight::leave_out(MmId mm, const Counts& counts) {
  left_out_.in_flight += counts;
  books_.drop_kernel(mm, counts);
}

void InFlight::began_before(MmId mm, const Prepared& prepared) {
  ++count_;
  books_.add_kernel(mm, prepared.objs);
  books_[mm].kernel_prepared += prepared.vmas;
}

// A write lock taken just before the end belongs to a call whose event is missing.
bool InFlight::leave_out_writers(MmId mm, std::uint64_t end_ns, UnseenWriters& writers,
                                 Lanes& lanes) {
  const UnseenWriters::Open* open = writers.find(mm);
  if (open == nullptr || open->last_ns + kCallTakesNs < end_ns) return false;
  count_ += open->acquires;
  lanes[Lanes::kWriters].compared -= open->acquires;
  lanes[Lanes::kWriters].equal -= open->acquires;
  leave_out(mm, open->kernel);
  writers.explained(mm);
  return true;
}

void InFlight::leave_out_frees(MmId mm, Book& book) {
  Counts more;
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    const std::uint64_t frees = book.kernel.frees[c] - book.model.frees[c];
    if (static_cast<std::int64_t>(frees) > 0) more.frees[c] = frees;  // below 0: RCU waits
  }
  leave_out(mm, more);
}

// A Step comes when an exit frees the first chain entry of a vma, and the model frees all entries of
// that vma. The recording may end while the kernel is at the next entry.
void InFlight::take_step_as_over(MmId mm, const Book& book) {
  Counts rest;
  for (const CacheIndex c : {kAnonVmaChain, kAnonVma}) {
    const std::uint64_t ahead = book.model.frees[c] - book.kernel.frees[c];
    if (ahead <= book.exit_step.frees[c]) rest.frees[c] = ahead;
  }
  if (rest == Counts{}) return;
  ++count_;
  books_.add_kernel(mm, rest);
}

void InFlight::leave_out_calls_and_exits(std::uint64_t end_ns, UnseenWriters& writers,
                                         Lanes& lanes) {
  for (auto& [mm, book] : books_.all()) {
    const bool writer = leave_out_writers(mm, end_ns, writers, lanes);
    const KernelBooks::Unfinished calls =
        kernel_.take_behind(mm, writer ? 0 : std::max(book.last_seq, kernel_.attach_seq(mm)));
    leave_out(mm, calls.operations);
    leave_out(mm, calls.preparing);
    book.kernel_prepared -= calls.preparing.allocs[kAnonVmaChain];
    const bool returning = rcu_ && (writer || calls.any);
    const bool exiting = book.ending || book.exit_ns + kCallTakesNs >= end_ns;
    if (exiting || returning) leave_out_frees(mm, book);
    if (exiting) take_step_as_over(mm, book);
  }
}

void InFlight::take_faults_as_handled(std::uint64_t end_ns) {
  for (const auto& [tid, fault] : prepares_.exceptions()) {
    const Book* book = books_.find(fault.mm);
    if (fault.handled_ns != 0 || fault.ns + kCallTakesNs < end_ns || book == nullptr ||
        book->kernel_prepared >= book->model_prepared)
      continue;
    ++count_;
    books_.add_kernel(fault.mm, fault.model);
    ++books_[fault.mm].kernel_prepared;
  }
}

void InFlight::leave_out_makers(std::uint64_t end_ns) {
  for (const auto& [tid, maker] : prepares_.makers()) {
    const Book* book = books_.find(maker.mm);
    const std::uint64_t prepared = maker.counts.allocs[kAnonVmaChain];
    if (prepared == 0 || maker.ns + kCallTakesNs < end_ns || book == nullptr ||
        book->kernel_prepared < book->model_prepared + prepared)
      continue;
    ++count_;
    books_[maker.mm].kernel_prepared -= prepared;
    leave_out(maker.mm, maker.counts);
  }
}

}  // namespace anonvma
