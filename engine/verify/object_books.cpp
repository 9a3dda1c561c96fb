#include "engine/verify/object_books.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "engine/verify/words.h"

namespace anonvma {
namespace {

// True for an operation whose objects carry its lock number. A fault that grows a stack has a lock
// number, too, but its objects do not carry it.
bool has_token(const Event& event) {
  return event.head.seq % 2 == 1 && !traits_of(event.body).unnumbered_objs;
}

bool failed(const Event& event) {
  return std::visit(
      [](const auto& body) {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, Brk>)  // a refused brk returns the break that it left
          return body.ret != static_cast<std::int64_t>(body.addr);
        else if constexpr (requires { body.ret; })
          return body.ret < 0;
        else
          return false;
      },
      event.body);
}

std::string text(const Counts& counts) {
  return fmt::format("allocated {} and freed {}", objs_text(counts.allocs),
                     objs_text(counts.frees));
}

}  // namespace

ObjectBooks::ObjectBooks(const Meta& meta, const SlabAccount& slab, const AddressSpaces& spaces,
                         Lanes& lanes)
    : slab_(slab),
      spaces_(spaces),
      lanes_(lanes),
      truth_(meta.truth),
      rcu_free_(meta.vma_free_rcu),
      in_flight_(books_, left_out_, kernel_, prepares_, meta.vma_free_rcu) {}

void ObjectBooks::settled(const Event& event, std::uint64_t index, const OpEffect& effect) {
  if (compares()) note_event(event, effect.prepared);
  if (!event.head.mm) return;
  books_.model() += effect.objs;
  if (has_token(event))
    operation(event, index, effect);
  else
    no_operation(event, effect);
}

// A task's touch is recorded at its next hook. If the touch is the first event of its task, its
// objects were made before the recording began, though the walk found the vma without them.
void ObjectBooks::note_event(const Event& event, const Prepared& prepared) {
  if (event.head.tid == 0) return;
  const bool first = prepares_.event_of(event, prepared.vmas);
  const auto* touch = std::get_if<Touch>(&event.body);
  if (first && touch != nullptr && prepared.vmas > 0 && kernel_.was_attached(event.head.mm))
    in_flight_.began_before(touch->by ? touch->by : event.head.mm, prepared);
}

void ObjectBooks::operation(const Event& event, std::uint64_t index, const OpEffect& effect) {
  const MmId mm = event.head.mm;
  Book& book = books_[mm];
  book.model += effect.objs;
  book.model_prepared += effect.prepared.vmas;
  Counts& so_far = steps_[mm];
  so_far += effect.objs;
  so_far -= effect.prepared.objs;
  if (std::holds_alternative<Step>(event.body)) return;  // its Fork follows
  book.last_seq = event.head.seq;
  book.op_ns = event.head.time_ns;
  if (so_far.frees[kVmAreaStruct] > 0) book.gave_up_ns = event.head.time_ns;
  if (truth_) {
    compare_half_done(mm);
    close_operation(event, index, so_far);
  }
  steps_.erase(mm);
}

void ObjectBooks::no_operation(const Event& event, const OpEffect& effect) {
  const EventHead& head = event.head;
  const auto* touch = std::get_if<Touch>(&event.body);
  Book& book = books_[touch != nullptr && touch->by ? touch->by : head.mm];
  book.model += effect.objs;
  book.model_prepared += effect.prepared.vmas;
  if (std::holds_alternative<ExitTask>(event.body)) book.ending |= head.map_count != 0;
  if (std::holds_alternative<Step>(event.body)) book.exit_step = effect.objs;
  if (effect.prepared.vmas == 0) return;
  if (const auto* fault = std::get_if<Fault>(&event.body))
    prepares_.raised(head, fault->addr, effect.prepared.objs);
  else if (touch != nullptr)
    prepares_.touched(head, touch->addr);
}

// A call that failed may have done a part of its work, and so may an mremap that succeeded. The recorder
// reads the mm then, and the comparison waits for the snapshot.
void ObjectBooks::close_operation(const Event& event, std::uint64_t index, const Counts& model) {
  const EventHead& head = event.head;
  kernel_.forget_preparing(head.mm, head.seq);
  const Operation call{kernel_.take_operation(head.mm, head.seq), model, failed(event)};
  const auto describe = [&] {
    return fmt::format("{} (rule applied: {})",
                       place(spaces_, head, index, name_of(type_of(event.body))),
                       spaces_.last_rule(head.mm));
  };
  const auto* remap = std::get_if<Remap>(&event.body);
  const bool stuck = remap != nullptr && remap->ret >= 0 && remap->stopped != 0;
  if ((call.failed || stuck) && call.kernel != call.model)
    half_done_.insert_or_assign(head.mm, HalfDone{call, describe()});
  else
    compare(head.mm, call, describe);
}

// Where vmas are freed later, also those that a failed call had allocated.
void ObjectBooks::expect_late_frees(Operation& call) const {
  if (!rcu_free_) return;
  const std::uint64_t more = call.kernel.allocs[kVmAreaStruct] - call.model.allocs[kVmAreaStruct];
  call.kernel.frees[kVmAreaStruct] = call.model.frees[kVmAreaStruct] + (call.failed ? more : 0);
}

template <class Describe>
void ObjectBooks::compare(MmId mm, Operation call, Describe describe) {
  expect_late_frees(call);
  const Counts &kernel = call.kernel, &model = call.model;
  bool equal = same_but_for_last_reference(kernel, model);
  // A failed call may have made and dropped objects that the model never makes.
  if (const Counts more = kernel - model; !equal && call.failed && more.allocs == more.frees) {
    equal = true;
    left_out_.failed += more;
    books_.drop_kernel(mm, more);
  }
  if (!compares()) return;
  lanes_.compare(Lanes::kOperations, equal, [&] {
    return fmt::format("{}: kernel {}; model {}", describe(), text(kernel), text(model));
  });
}

// The next operation of the mm comes, or a snapshot has added to the model's side.
void ObjectBooks::compare_half_done(MmId mm) {
  const auto found = half_done_.extract(mm);
  if (!found.empty()) compare(mm, found.mapped().call, [&] { return found.mapped().text; });
}

void ObjectBooks::exec_over(const MmSnapshot& snapshot, const Counts& model) {
  const MmId mm = snapshot.head.mm;
  Counts kernel = kernel_.take_exec(static_cast<std::uint32_t>(snapshot.snapshot.tgid));
  books_.model() += model;
  if (!compares()) return;
  if (const std::uint64_t kept = kernel.allocs[kVmAreaStruct] - kernel.frees[kVmAreaStruct];
      rcu_free_ && kept > model.allocs[kVmAreaStruct]) {
    Counts rest;  // vmas that are still to be freed
    rest.frees[kVmAreaStruct] = kept - model.allocs[kVmAreaStruct];
    kernel += rest;
    books_.drop_kernel(mm, rest);
    books_[mm].gave_up_ns = snapshot.head.time_ns;
  }
  Counts kept;
  for (std::size_t c = 0; c < kNumCaches; ++c) kept.allocs[c] = kernel.allocs[c] - kernel.frees[c];
  left_out_.exec_temporaries += Counts{kernel.frees, {}};
  books_.kernel() += kept;
  lanes_.compare(Lanes::kOperations, kept.allocs == model.allocs, [&] {
    return fmt::format("exec of mm {} ({}): the kernel {}, its snapshot makes {}", mm.v,
                       spaces_.comm(mm), text(kernel), objs_text(model.allocs));
  });
}

// A snapshot that comes now shows the work of this writer. If a refused call before it left nothing,
// no snapshot was read for that call.
Counts ObjectBooks::take_unseen(const EventHead& head) {
  if (const auto call = half_done_.find(head.mm); call != half_done_.end()) {
    Operation refused = call->second.call;
    expect_late_frees(refused);
    if (const Counts more = refused.kernel - refused.model; more.allocs == more.frees)
      compare_half_done(head.mm);
  }
  return kernel_.take_operation(head.mm, head.seq);
}

// The kernel charges allocations of an unseen writer to the writer, and frees to the owner.
void ObjectBooks::resynchronised(const MmSnapshot& snapshot, const OpEffect& effect) {
  const Counts& model = effect.objs;
  const MmId owner = snapshot.head.mm;
  Book& of_writer = books_[snapshot.snapshot.by ? snapshot.snapshot.by : owner];
  of_writer.model += Counts{model.allocs, {}};
  of_writer.model_prepared += effect.prepared.vmas;
  Book& book = books_[owner];
  book.model += Counts{{}, model.frees};
  if (model.frees[kVmAreaStruct] > 0) book.gave_up_ns = snapshot.head.time_ns;
  books_.model() += model;
  if (const auto call = half_done_.find(owner); call != half_done_.end()) {
    call->second.call.model += model;
    compare_half_done(owner);
  }
}

// The kernel's side of a failed fork is counted with the failed calls.
void ObjectBooks::fork_abandoned(MmId mm) {
  const auto begun = steps_.find(mm);
  if (begun == steps_.end()) return;
  const Counts copied{begun->second.allocs, {}};
  books_.model() -= copied;
  books_[mm].model -= copied;
  steps_.erase(begun);
}

void ObjectBooks::close(MmId mm, const std::string& where) {
  compare_half_done(mm);
  kernel_.close(mm);
  std::optional<Book> book = books_.close(mm);
  if (!book || !compares()) return;
  if (rcu_free_) rcu_.wait_for(mm, *book, where);
  const Counts &kernel = book->kernel, &model = book->model;
  lanes_.compare(Lanes::kPerMm, same_but_for_last_reference(kernel, model), [&] {
    return fmt::format("{}: in its life the kernel {}; the model {}", where, text(kernel),
                       text(model));
  });
  Lane& faults = lanes_[Lanes::kFaults];
  faults.compared += std::max(book->kernel_prepared, book->model_prepared);
  faults.equal += std::min(book->kernel_prepared, book->model_prepared);
  if (book->kernel_prepared != book->model_prepared)
    lanes_.differ(fmt::format("{}: the kernel prepared {} vmas, the model {}", where,
                              book->kernel_prepared, book->model_prepared));
}

void ObjectBooks::leave_out_in_flight(std::uint64_t end_ns, UnseenWriters& writers) {
  while (!steps_.empty()) fork_abandoned(steps_.begin()->first);
  in_flight_.leave_out_calls_and_exits(end_ns, writers, lanes_);
  in_flight_.take_faults_as_handled(end_ns);
  if (compares()) in_flight_.leave_out_makers(end_ns);
}

std::vector<MmId> ObjectBooks::open() const {
  std::vector<MmId> open;
  for (const auto& [mm, book] : books_.all()) open.push_back(mm);
  return open;
}

// More anon_vmas may have been freed without a known mm than failed calls had allocated. These
// anon_vmas outlived all recorded processes.
void ObjectBooks::settle_failed() {
  Counts& failed = left_out_.failed;
  const std::uint64_t allocs = failed.allocs[kAnonVma];
  if (failed.frees[kAnonVma] > allocs) {
    books_.kernel().frees[kAnonVma] += failed.frees[kAnonVma] - allocs;
    failed.frees[kAnonVma] = allocs;
  }
  if (failed == Counts{}) return;
  lanes_.compare(Lanes::kOperations, failed.allocs == failed.frees, [&] {
    return fmt::format("operations without an event: the kernel {}", text(failed));
  });
}

// The kernel's objects at the end.
std::int64_t ObjectBooks::live(CacheIndex cache) const {
  const Counts& kernel = books_.kernel();
  return static_cast<std::int64_t>(spaces_.at_start()[cache] + kernel.allocs[cache] -
                                   kernel.frees[cache]);
}

// A page of KSM or a migration may hold an anon_vma longer than any vma. No hook sees that, but the anon_vma
// is in no address space then.
void ObjectBooks::leave_out_held() {
  const std::int64_t more =
      live(kAnonVma) - static_cast<std::int64_t>(slab_.usage(kAnonVma).active_objs);
  if (more <= 0) return;
  left_out_.held_anon_vmas =
      std::min(static_cast<std::uint64_t>(more), kernel_.anon_vmas_without_vma());
  books_.kernel().frees[kAnonVma] += left_out_.held_anon_vmas;
}

void ObjectBooks::compare_totals(std::uint64_t end_ns) {
  settle_failed();
  leave_out_held();
  rcu_.settle(end_ns, lanes_);
  const Counts &kernel = books_.kernel(), &model = books_.model();
  for (std::size_t c = 0; c < kNumCaches; ++c)
    lanes_.compare_total(Lanes::kAllocated + c, static_cast<std::int64_t>(kernel.allocs[c]),
                         static_cast<std::int64_t>(model.allocs[c]));
  for (std::size_t c = 0; c < kNumCaches; ++c)
    lanes_.compare_total(
        Lanes::kLive + c, live(static_cast<CacheIndex>(c)),
        static_cast<std::int64_t>(slab_.usage(static_cast<CacheIndex>(c)).active_objs));
}

std::vector<Excluded> ObjectBooks::excluded() const {
  std::vector<Excluded> excluded = {
      {"exec temporaries", "allocated and freed by the loader before its snapshot",
       left_out_.exec_temporaries.allocs},
      {"lost races", "allocated to prepare a vma that another thread had just prepared",
       left_out_.lost_races.allocs},
      {"failed calls", "allocated and freed again by calls that failed", left_out_.failed.allocs},
      {"still forking", "allocated by forks that were under way when the recording ended",
       left_out_.in_flight.allocs},
      {"still exiting", "freed by exits that were under way when the recording ended",
       left_out_.in_flight.frees}};
  if (left_out_.held_anon_vmas > 0)
    excluded.push_back(
        {"held by others",
         "still allocated when the recording ended, though no recorded address space "
         "had them: merged pages (KSM), a migration, or a process that was not "
         "recorded held them",
         {0, 0, left_out_.held_anon_vmas}});
  if (rcu_free_)
    excluded.push_back(
        {"waiting for RCU",
         "unmapped by calls a moment before the recording ended, and not yet freed: this kernel "
         "frees vmas a grace period later, so freed vmas are compared by address space and not by "
         "operation",
         {rcu_.cut_off(), 0, 0}});
  return excluded;
}

bool ObjectBooks::unlinked_behind(MmId mm, std::uint64_t time_ns) const {
  const Book* book = books_.find(mm);
  return book != nullptr && book->freed_ns > time_ns;
}

bool ObjectBooks::returned_behind(MmId mm, std::uint64_t time_ns) const {
  const Book* book = books_.find(mm);
  return book != nullptr && book->op_ns > time_ns;
}

bool ObjectBooks::at_rest() const {
  if (!steps_.empty() || !half_done_.empty()) return false;
  if (!truth_) return true;
  if (!kernel_.at_rest() || !rcu_.empty() || !books_.agree()) return false;
  const Counts& failed = left_out_.failed;
  const std::uint64_t of_nobody = failed.frees[kAnonVma] > failed.allocs[kAnonVma]
                                      ? failed.frees[kAnonVma] - failed.allocs[kAnonVma]
                                      : 0;
  return books_.kernel().frees[kAnonVma] + of_nobody == books_.model().frees[kAnonVma];
}

std::uint64_t ObjectBooks::bytes() const {
  return books_.bytes() + prepares_.bytes() + kernel_.bytes() +
         steps_.size() * (kNodeBytes + sizeof(Counts)) +
         half_done_.size() * (kNodeBytes + sizeof(HalfDone));
}

}  // namespace anonvma
