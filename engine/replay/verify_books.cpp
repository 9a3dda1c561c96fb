// The two books: what the kernel allocated and freed, and what the model did, by operation, by
// address space and in total.
#include <fmt/format.h>

#include <algorithm>

#include "engine/replay/verify.h"

namespace anonvma {
namespace {

std::string counts_text(const std::array<std::uint64_t, kNumCaches>& objs) {
  return fmt::format("{} vma, {} avc, {} anon_vma", objs[kVmAreaStruct], objs[kAnonVmaChain],
                     objs[kAnonVma]);
}

bool failed(const Event& event) {
  return std::visit(
      [](const auto& body) {
        if constexpr (requires { body.ret; }) return body.ret < 0;
        return false;
      },
      event.body);
}

}  // namespace

// The kernel's side.

// Two threads prepared one vma: the slower one frees what it has allocated.
void Verifier::lost_race(const EventHead& head) {
  Book& book = books_[head.mm];
  const auto take_back = [&](CacheIndex cache) {
    ++lost_races_.allocs[cache];
    --kernel_.allocs[cache];
    --book.kernel.allocs[cache];
  };
  take_back(kAnonVmaChain);
  --book.kernel_prepared;
  makers_[head.tid].counts = {};
  const auto made = prepared_by_.find(head.tid);
  const auto dropped = dropped_by_.find(head.tid);
  if (made == prepared_by_.end() || dropped == dropped_by_.end() || made->second != dropped->second)
    return;
  take_back(kAnonVma);
  --kernel_.frees[kAnonVma];
  --book.kernel.frees[kAnonVma];
  prepared_by_.erase(made);
  dropped_by_.erase(dropped);
}

void Verifier::kernel_object(const EventHead& head, const Truth& truth) {
  if (truth.cache >= kNumCaches || lost_ > 0) return;
  const auto cache = static_cast<CacheIndex>(truth.cache);
  const auto site = static_cast<TruthSite>(truth.site);
  const Counts one = Counts::one(cache, truth.freed != 0);
  std::unordered_set<std::uint64_t>& alive = objects_[cache];
  if (const auto attach = attach_seq_.find(head.mm); attach != attach_seq_.end() && head.seq != 0 &&
                                                     head.seq < attach->second &&
                                                     site != TruthSite::prepare)
    return;  // the snapshot of the start was taken after that operation, which may populate still
  if (!late_.empty() && head.seq != 0) excuse(head.mm, head.seq);
  const bool known = truth.freed ? alive.erase(truth.object) > 0 : false;
  if (truth.in_exec) {
    execs_[head.tid] += one;
    return;
  }
  Maker& maker = makers_[head.tid];
  if (!head.mm) {
    if (known) ++failed_.frees[cache];  // of a copy that no fork ever announced
    return;
  }
  if (site == TruthSite::vma_free_rcu && came_back(head.mm)) return;
  Book& book = books_[head.mm];
  if (truth.freed && site == TruthSite::prepare && cache == kAnonVmaChain) return lost_race(head);
  kernel_ += one;
  book.kernel += one;
  if (head.seq != 0 && site != TruthSite::prepare) operations_[token_of(head.mm, head.seq)] += one;
  if (truth.freed && site != TruthSite::prepare && site != TruthSite::vma_free_rcu)
    (head.seq != 0 ? book.freed_ns : book.exit_ns) = head.time_ns;
  if (truth.freed) {
    if (const auto made = prepared_by_.find(head.tid);
        cache == kAnonVma && made != prepared_by_.end() && made->second == truth.object)
      dropped_by_[head.tid] = truth.object;
    return;
  }
  alive.insert(truth.object);
  if (site != TruthSite::prepare) return;
  if (const auto fault = faults_.find(head.tid); fault != faults_.end())
    fault->second.handled_ns = head.time_ns;
  if (head.seq % 2 == 1) {
    preparing_[token_of(head.mm, head.seq)] += one;
  } else if (!maker.told) {
    maker.mm = head.mm;
    maker.ns = head.time_ns;
    maker.counts += one;
  }
  if (cache == kAnonVma) prepared_by_[head.tid] = truth.object;
  if (cache == kAnonVmaChain) ++book.kernel_prepared;
}

// Which of two relatives drops the last reference to a shared anon_vma, and frees it, is a matter
// of who ends last: its frees are compared in total only.
bool Verifier::same_but_for_last_reference(const Counts& kernel, const Counts& model) {
  return kernel.allocs == model.allocs &&
         kernel.frees[kVmAreaStruct] == model.frees[kVmAreaStruct] &&
         kernel.frees[kAnonVmaChain] == model.frees[kAnonVmaChain];
}

void Verifier::close_operation(const Event& event, std::uint64_t index, const Counts& model) {
  Counts kernel;
  preparing_.erase(token_of(event.head.mm, event.head.seq));
  if (auto node = operations_.extract(token_of(event.head.mm, event.head.seq)); !node.empty())
    kernel = node.mapped();
  const bool refused = failed(event);
  if (rcu_) {  // the kernel's come later; of a refused call also those that it had allocated
    const std::uint64_t more = kernel.allocs[kVmAreaStruct] - model.allocs[kVmAreaStruct];
    kernel.frees[kVmAreaStruct] = model.frees[kVmAreaStruct] + (refused ? more : 0);
  }
  bool equal = same_but_for_last_reference(kernel, model);
  if (!equal && refused) {
    // A refused call may have built and dropped what the model never builds.
    equal = true;
    for (std::size_t c = 0; c < kNumCaches; ++c)
      equal &= kernel.allocs[c] - model.allocs[c] == kernel.frees[c] - model.frees[c];
    if (equal)
      for (std::size_t c = 0; c < kNumCaches; ++c) {
        const std::uint64_t more = kernel.allocs[c] - model.allocs[c];
        failed_.allocs[c] += more;
        failed_.frees[c] += more;
        kernel_.allocs[c] -= more;
        kernel_.frees[c] -= more;
        Book& book = books_[event.head.mm];
        book.kernel.allocs[c] -= more;
        book.kernel.frees[c] -= more;
      }
  }
  if (!compares_objects()) return;
  compare(kOperations, equal,
          equal ? ""
                : fmt::format("{}: kernel allocated {} and freed {}; model allocated {} and freed "
                              "{} (rule applied: {})",
                              place(event.head, index, name_of(type_of(event.body))),
                              counts_text(kernel.allocs), counts_text(kernel.frees),
                              counts_text(model.allocs), counts_text(model.frees),
                              spaces_.last_rule(event.head.mm)));
}

void Verifier::close_book(MmId mm, const std::string& where) {
  close_failed_operations(mm);
  const auto node = books_.extract(mm);
  if (const auto open = unexplained_.extract(mm); !open.empty()) {
    lane(kWriters).equal -= open.mapped().acquires;
    differ(
        fmt::format("{}: {} write acquires of an unseen writer, and no "
                    "snapshot after them",
                    where, open.mapped().acquires));
  }
  attach_seq_.erase(mm);
  if (node.empty() || !compares_objects()) return;
  Book& book = node.mapped();
  if (rcu_) wait_for_vmas(mm, book, where);
  const Counts &kernel = book.kernel, &model = book.model;
  const bool equal = same_but_for_last_reference(kernel, model);
  compare(kPerMm, equal,
          equal ? ""
                : fmt::format("{}: in its life the kernel allocated {} and freed {}; the model "
                              "allocated {} and freed {}",
                              where, counts_text(kernel.allocs), counts_text(kernel.frees),
                              counts_text(model.allocs), counts_text(model.frees)));
  Lane& faults = lane(kFaults);
  faults.compared += std::max(book.kernel_prepared, book.model_prepared);
  faults.equal += std::min(book.kernel_prepared, book.model_prepared);
  if (book.kernel_prepared != book.model_prepared)
    differ(fmt::format("{}: the kernel prepared {} vmas, the model {}", where, book.kernel_prepared,
                       book.model_prepared));
}

// execve is no operation of the model: its result is taken. What it kept must be what the snapshot
// shows.
void Verifier::exec_is_over(const MmSnapshot& seen, const Counts& model) {
  Counts kernel;
  const auto tgid = static_cast<std::uint32_t>(seen.snapshot.tgid);
  if (auto node = execs_.extract(tgid); !node.empty()) kernel = node.mapped();
  model_ += model;
  if (!compares_objects()) return;
  if (const std::uint64_t kept = kernel.allocs[kVmAreaStruct] - kernel.frees[kVmAreaStruct];
      rcu_ && kept > model.allocs[kVmAreaStruct]) {  // the rest is still to come back
    const std::uint64_t rest = kept - model.allocs[kVmAreaStruct];
    Book& book = books_[seen.head.mm];
    kernel.frees[kVmAreaStruct] += rest;
    kernel_.frees[kVmAreaStruct] -= rest;
    book.kernel.frees[kVmAreaStruct] -= rest;
    book.gave_up_ns = seen.head.time_ns;
  }
  bool equal = true;
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    const std::uint64_t kept = kernel.allocs[c] - kernel.frees[c];
    equal &= kept == model.allocs[c];
    exec_temporaries_.allocs[c] += kernel.frees[c];
    kernel_.allocs[c] += kept;
  }
  compare(kOperations, equal,
          equal
              ? ""
              : fmt::format("exec of mm {} ({}): the kernel allocated {} and freed {}, its "
                            "snapshot makes {}",
                            seen.head.mm.v, spaces_.comm(seen.head.mm), counts_text(kernel.allocs),
                            counts_text(kernel.frees), counts_text(model.allocs)));
}

// What a fork copied that failed: the kernel's side of it is among the failed calls.
void Verifier::forget_steps(MmId mm) {
  const auto begun = steps_.find(mm);
  if (begun == steps_.end()) return;
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    model_.allocs[c] -= begun->second.allocs[c];
    books_[mm].model.allocs[c] -= begun->second.allocs[c];
  }
  steps_.erase(begun);
}

// Tokens that no event ever named: forks that failed. They may leave nothing behind, which the
// totals tell: the objects of the copy are freed in the name of an mm that nobody announced.
void Verifier::close_failed_operations(MmId mm) {
  for (auto it = operations_.lower_bound(token_of(mm, 0));
       it != operations_.end() && it->first >> 32 == mm.v;) {
    failed_ += it->second;
    Book& book = books_[mm];
    for (std::size_t c = 0; c < kNumCaches; ++c) {
      kernel_.allocs[c] -= it->second.allocs[c];
      kernel_.frees[c] -= it->second.frees[c];
      book.kernel.allocs[c] -= it->second.allocs[c];
      book.kernel.frees[c] -= it->second.frees[c];
    }
    it = operations_.erase(it);
  }
}

// What was freed in the name of no known mm, beyond what failed: an anon_vma that outlived all
// processes of the recording.
void Verifier::settle_failed() {
  const std::uint64_t allocs = failed_.allocs[kAnonVma];
  if (failed_.frees[kAnonVma] > allocs) {
    kernel_.frees[kAnonVma] += failed_.frees[kAnonVma] - allocs;
    failed_.frees[kAnonVma] = allocs;
  }
  if (failed_ == Counts{}) return;
  compare(kOperations, failed_.allocs == failed_.frees,
          fmt::format("operations without an event: the kernel allocated {} and freed {}",
                      counts_text(failed_.allocs), counts_text(failed_.frees)));
}

bool Verifier::at_rest() const {
  if (!unexplained_.empty() || !steps_.empty()) return false;
  if (!truth_) return true;
  if (!operations_.empty() || !waiting_.empty()) return false;
  for (const auto& [tgid, exec] : execs_)
    if (exec.allocs != exec.frees) return false;
  for (const auto& [mm, book] : books_)
    if (!same_but_for_last_reference(book.kernel, book.model) ||
        book.kernel_prepared != book.model_prepared)
      return false;
  const std::uint64_t of_nobody = failed_.frees[kAnonVma] > failed_.allocs[kAnonVma]
                                      ? failed_.frees[kAnonVma] - failed_.allocs[kAnonVma]
                                      : 0;
  return kernel_.frees[kAnonVma] + of_nobody == model_.frees[kAnonVma];
}

AnonVmaId Verifier::kernel_name(std::uint64_t name) const {
  const auto found = to_kernel_.find(name);
  return truth_ && found != to_kernel_.end() ? AnonVmaId{found->second} : AnonVmaId{};
}

std::uint32_t Verifier::attach_seq(MmId mm) const {
  const auto found = attach_seq_.find(mm);
  return found == attach_seq_.end() ? 0 : found->second;
}

void Verifier::compare_totals() {
  const auto total = [&](std::size_t lane_index, std::uint64_t kernel, std::uint64_t model) {
    Lane& lane = lanes_[lane_index];
    lane.compared = std::max(kernel, model);
    lane.equal = std::min(kernel, model);
    if (kernel != model) differ(fmt::format("{}: kernel {}, model {}", lane.name, kernel, model));
  };
  for (std::size_t c = 0; c < kNumCaches; ++c)
    total(kAllocated + c, kernel_.allocs[c], model_.allocs[c]);
  for (std::size_t c = 0; c < kNumCaches; ++c)
    total(kLive + c, spaces_.at_start()[c] + kernel_.allocs[c] - kernel_.frees[c],
          slab_.usage(static_cast<CacheIndex>(c)).active_objs);
}

}  // namespace anonvma
