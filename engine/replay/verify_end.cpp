// What was under way when the recording ended: it is left out, and said to be.
#include <fmt/format.h>

#include <algorithm>

#include "engine/replay/verify.h"

namespace anonvma {
namespace {

// What is younger than this at the end may have been under way.
constexpr std::uint64_t kCallTakesNs = 250'000'000;
// A grace period and the queue of callbacks behind it.
constexpr std::uint64_t kGraceNs = 1'000'000'000;

}  // namespace

void Verifier::leave_out(MmId mm, const Counts& counts) {
  Book& book = books_[mm];
  under_way_ += counts;
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    kernel_.allocs[c] -= counts.allocs[c];
    kernel_.frees[c] -= counts.frees[c];
    book.kernel.allocs[c] -= counts.allocs[c];
    book.kernel.frees[c] -= counts.frees[c];
  }
}

// A touch is told of by the next event of its task. One that is the first of all was for objects
// made before the recording began, in a vma that the walk still found without.
void Verifier::note_event_of(const Event& event, const Counts& for_preparing,
                             std::uint64_t prepared) {
  const EventHead& head = event.head;
  const bool fault = std::holds_alternative<Fault>(event.body);
  const auto* touch = std::get_if<Touch>(&event.body);
  if (head.tid == 0) return;
  const auto [maker, first] = makers_.try_emplace(head.tid);
  if (first && touch != nullptr && prepared > 0 && attach_seq_.contains(head.mm)) {
    Book& book = books_[touch->by ? touch->by : head.mm];
    ++open_;
    kernel_ += for_preparing;
    book.kernel += for_preparing;
    book.kernel_prepared += prepared;
  }
  maker->second = {.mm = head.mm, .counts = {}, .told = fault && prepared > 0};
}

// The same at the end: what has been made, and no event has come to say what for.
void Verifier::leave_out_makers() {
  for (const auto& [tid, maker] : makers_) {
    const auto book = books_.find(maker.mm);
    const std::uint64_t prepared = maker.counts.allocs[kAnonVmaChain];
    if (prepared == 0 || maker.ns + kCallTakesNs < newest_ns_ || book == books_.end() ||
        book->second.kernel_prepared < book->second.model_prepared + prepared)
      continue;
    ++open_;
    book->second.kernel_prepared -= prepared;
    leave_out(maker.mm, maker.counts);
  }
}

// Exceptions just before the end, of which the kernel had made nothing yet.
void Verifier::take_faults_as_handled() {
  for (const auto& [tid, fault] : faults_) {
    const auto book = books_.find(fault.mm);
    if (fault.handled_ns != 0 || fault.ns + kCallTakesNs < newest_ns_ || book == books_.end() ||
        book->second.kernel_prepared >= book->second.model_prepared)
      continue;
    ++open_;
    kernel_ += fault.model;
    book->second.kernel += fault.model;
    ++book->second.kernel_prepared;
  }
}

// The recording ended inside calls (the kernel has allocated, no event came) and exits (it has
// freed, no ExitMmap came).
void Verifier::leave_out_what_is_under_way() {
  while (!steps_.empty()) forget_steps(steps_.begin()->first);
  for (auto& [mm, book] : books_) {
    // A write lock taken just before the end: its call would have said what for.
    const auto open = unexplained_.find(mm);
    const bool taken =
        open != unexplained_.end() && open->second.last_ns + kCallTakesNs >= newest_ns_;
    bool inside = taken;  // a call
    const auto attach = attach_seq_.find(mm);
    const std::uint32_t seen = attach != attach_seq_.end() ? attach->second : 0;
    const Token from = token_of(mm, taken ? 0 : std::max(book.last_seq, seen));
    if (taken) {
      open_ += open->second.acquires;
      lane(kWriters).compared -= open->second.acquires;
      lane(kWriters).equal -= open->second.acquires;
      leave_out(mm, open->second.kernel);
      unexplained_.erase(open);
    }
    for (auto it = operations_.upper_bound(from);
         it != operations_.end() && it->first >> 32 == mm.v; it = operations_.erase(it)) {
      leave_out(mm, it->second);
      inside = true;
    }
    for (auto it = preparing_.upper_bound(from); it != preparing_.end() && it->first >> 32 == mm.v;
         it = preparing_.erase(it)) {
      book.kernel_prepared -= it->second.allocs[kAnonVmaChain];
      leave_out(mm, it->second);
    }
    // What a call has freed may come back before it returns, too.
    if (!book.ending && book.exit_ns + kCallTakesNs < newest_ns_ && !(rcu_ && inside)) continue;
    for (std::size_t c = 0; c < kNumCaches; ++c) {
      const std::uint64_t more = book.kernel.frees[c] - book.model.frees[c];
      if (static_cast<std::int64_t>(more) <= 0) continue;  // what RCU still holds counts below 0
      under_way_.frees[c] += more;
      kernel_.frees[c] -= more;
      book.kernel.frees[c] -= more;
    }
  }
}

// On kernels that free vmas by RCU.

// A book is closed before all of it has come back.
void Verifier::wait_for_vmas(MmId mm, Book& book, const std::string& where) {
  std::uint64_t& kernel = book.kernel.frees[kVmAreaStruct];
  const std::uint64_t model = book.model.frees[kVmAreaStruct];
  if (static_cast<std::int64_t>(model - kernel) <= 0) return;
  waiting_[mm] = {model - kernel, book.gave_up_ns, where};
  kernel = model;
}

// True when a closed book had waited for one.
bool Verifier::came_back(MmId mm) {
  const auto found = waiting_.find(mm);
  if (found == waiting_.end()) return false;
  ++kernel_.frees[kVmAreaStruct];
  if (--found->second.vmas == 0) waiting_.erase(found);
  return true;
}

// What the model freed long before the end must have come back.
void Verifier::settle_waiting() {
  for (const auto& [mm, waiting] : waiting_) {
    if (waiting.since_ns + kGraceNs >= newest_ns_) {
      waited_for_ += waiting.vmas;
      kernel_.frees[kVmAreaStruct] += waiting.vmas;
      continue;
    }
    --lane(kPerMm).equal;
    differ(fmt::format("{}: the kernel never freed {} vma of those that the model did",
                       waiting.where, waiting.vmas));
  }
}

}  // namespace anonvma
