#include "engine/replay/verify.h"

#include <fmt/format.h>

namespace anonvma {
namespace {

constexpr std::size_t kMostDifferences = 20;

std::string counts_text(const std::array<std::uint64_t, kNumCaches>& objs) {
  return fmt::format("{} vma, {} avc, {} anon_vma", objs[kVmAreaStruct], objs[kAnonVmaChain],
                     objs[kAnonVma]);
}

bool is_truth_of(const Event& event, const Truth*& truth) {
  truth = std::get_if<Truth>(&event.body);
  return truth != nullptr && truth->cache < kNumCaches;
}

// An operation that the kernel numbers. A fault that grows a stack has a number, too, but its
// objects carry none.
bool has_token(const Event& event) {
  if (event.head.seq % 2 == 0) return false;
  const EventType type = type_of(event.body);
  switch (type) {
    case EventType::fault:
    case EventType::touch:
    case EventType::unknown_write:
    case EventType::exit_task:
    case EventType::exit_mmap:
      return false;
    default:
      return true;
  }
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

Verifier::Verifier(const Meta& meta, const SlabAccount& slab, AddressSpaces& spaces)
    : slab_(slab), spaces_(spaces), truth_(meta.truth) {
  lane(kMapCount).name = "map_count before operations";
  lane(kWriters).name = "write acquires explained";
  lane(kVmas).name = "vmas in snapshots";
  lane(kChains).name = "chain entries in walks";
  lane(kOperations).name = "objects, by operation";
  lane(kFaults).name = "first anonymous faults";
  lane(kPerMm).name = "objects, by address space";
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    const std::string_view cache = cache_name(static_cast<CacheIndex>(c));
    lanes_[kAllocated + c].name = fmt::format("{} allocated", cache);
    lanes_[kLive + c].name = fmt::format("{} live at the end", cache);
  }
  if (truth_) return;
  for (std::size_t i = kOperations; i < kNumLanes; ++i)
    lanes_[i].not_available = "recorded without --truth";
}

void Verifier::Counts::add(const Counts& other) {
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    allocs[c] += other.allocs[c];
    frees[c] += other.frees[c];
  }
}

Verifier::Counts Verifier::counts() const {
  Counts now;
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    const CacheUsage& use = slab_.usage(static_cast<CacheIndex>(c));
    now.allocs[c] = use.allocs;
    now.frees[c] = use.frees;
  }
  return now;
}

std::uint64_t Verifier::differing() const {
  std::uint64_t all = spaces_.map_count_mismatches();
  for (const Lane& lane : lanes_) all += lane.compared - lane.equal;
  return all;
}

std::string Verifier::place(const EventHead& head, std::uint64_t index,
                            std::string_view what) const {
  return fmt::format("event {} ({:.6f} s), {} in mm {} ({})", index,
                     static_cast<double>(head.time_ns) / 1e9, what, head.mm.v,
                     spaces_.comm(head.mm));
}

void Verifier::compare(LaneIndex index, bool equal, const std::string& difference) {
  ++lane(index).compared;
  if (equal)
    ++lane(index).equal;
  else if (differences_.size() < kMostDifferences)
    differences_.push_back(difference);
}

// The kernel's side.

void Verifier::on_exec_object(const Event& event, const Truth& truth) {
  Counts& exec = execs_[event.head.tid];
  ++(truth.freed ? exec.frees : exec.allocs)[truth.cache];
}

// Two threads prepared one vma: the slower one frees what it has allocated.
void Verifier::lost_race(const Event& event) {
  Book& book = books_[event.head.mm];
  const auto take_back = [&](CacheIndex cache) {
    ++lost_races_.allocs[cache];
    --kernel_.allocs[cache];
    --book.kernel.allocs[cache];
  };
  take_back(kAnonVmaChain);
  --book.kernel_prepared;
  const auto made = prepared_by_.find(event.head.tid);
  const auto dropped = dropped_by_.find(event.head.tid);
  if (made == prepared_by_.end() || dropped == dropped_by_.end() || made->second != dropped->second)
    return;
  take_back(kAnonVma);
  --kernel_.frees[kAnonVma];
  --book.kernel.frees[kAnonVma];
  prepared_by_.erase(made);
  dropped_by_.erase(dropped);
}

void Verifier::on_truth(const Event& event) {
  const Truth* truth = nullptr;
  if (!is_truth_of(event, truth)) return;
  const EventHead& head = event.head;
  const auto cache = static_cast<CacheIndex>(truth->cache);
  const auto site = static_cast<TruthSite>(truth->site);
  std::unordered_set<std::uint64_t>& alive = objects_[cache];
  if (const auto attach = attach_seq_.find(head.mm);
      attach != attach_seq_.end() && head.seq != 0 && head.seq < attach->second)
    return;  // the snapshot of the start was taken after that operation
  if (!late_.empty() && head.seq != 0) excuse(head.mm, head.seq);
  const bool known = truth->freed ? alive.erase(truth->object) > 0 : false;
  if (truth->in_exec) return on_exec_object(event, *truth);
  if (!head.mm) {
    if (known) ++failed_.frees[cache];  // of a copy that no fork ever announced
    return;
  }
  Book& book = books_[head.mm];
  if (truth->freed && site == TruthSite::prepare && cache == kAnonVmaChain) return lost_race(event);
  Counts one;
  ++(truth->freed ? one.frees : one.allocs)[cache];
  kernel_.add(one);
  book.kernel.add(one);
  if (head.seq != 0 && site != TruthSite::prepare)
    operations_[token_of(head.mm, head.seq)].add(one);
  if (truth->freed) {
    if (const auto made = prepared_by_.find(head.tid);
        cache == kAnonVma && made != prepared_by_.end() && made->second == truth->object)
      dropped_by_[head.tid] = truth->object;
    return;
  }
  alive.insert(truth->object);
  if (site != TruthSite::prepare) return;
  if (cache == kAnonVma) prepared_by_[head.tid] = truth->object;
  if (cache == kAnonVmaChain) ++book.kernel_prepared;
}

// Both sides.

void Verifier::apply(const Event& event, std::uint64_t index) {
  const EventType type = type_of(event.body);
  if (type == EventType::truth) return on_truth(event);
  const auto* snapshot = std::get_if<Snapshot>(&event.body);
  const bool begins =
      snapshot != nullptr && snapshot->reason != static_cast<std::uint64_t>(SnapReason::attach);
  const bool part = type == EventType::snap_vma || type == EventType::snap_chain;
  if (begins || (snapshot == nullptr && !part)) {
    spaces_.finish();
    for (const auto& [seen, at] : std::exchange(attached_, {})) compare_state(seen, at);
  }

  const Counts before = counts();
  const std::uint64_t prepared = spaces_.prepared();
  const auto prepared_objs = spaces_.prepared_objs();
  const std::uint64_t mismatches = spaces_.map_count_mismatches();
  const std::string rule(spaces_.last_rule(event.head.mm));
  spaces_.apply(event, index);
  Counts delta = counts();
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    delta.allocs[c] -= before.allocs[c];
    delta.frees[c] -= before.frees[c];
  }
  if (spaces_.map_count_mismatches() != mismatches && differences_.size() < kMostDifferences)
    differences_.push_back(
        fmt::format("{}: map_count before it: kernel {}, model differs (last "
                    "rule applied: {})",
                    place(event.head, index, name_of(type)), event.head.map_count,
                    rule.empty() ? "none" : rule));

  const bool taken = collector_.collect(event, [&](SeenMm&& seen) {
    switch (seen.reason()) {
      case SnapReason::attach:
        attach_seq_[seen.head.mm] = seen.head.seq;
        note_kin(seen);
        for (const SeenVma& vma : seen.vmas)
          for (const SnapChain& link : vma.chain) objects_[kAnonVma].insert(link.anon_vma.v);
        attached_.emplace_back(std::move(seen), index);
        return;
      case SnapReason::exec:
        exec_is_over(seen, delta);
        break;
      case SnapReason::unknown_write:
        resynchronised(seen, delta);
        unexplained_.erase(seen.head.mm);
        break;
      case SnapReason::exit:
        unexplained_.erase(seen.head.mm);
        break;
      case SnapReason::end:
        break;
    }
    compare_state(seen, index);
  });
  if (taken) return;
  Counts for_preparing;
  for (std::size_t c = 0; c < kNumCaches; ++c)
    for_preparing.allocs[c] = spaces_.prepared_objs()[c] - prepared_objs[c];
  applied(event, index, delta, for_preparing, spaces_.prepared() - prepared);
  if (!late_.empty() && type != EventType::fault) look_again(event.head.time_ns);
}

// The kernel charges what an unseen writer allocates to the writer, what it frees to the owner.
void Verifier::resynchronised(const SeenMm& seen, const Counts& delta) {
  const MmId by = seen.snapshot.by ? seen.snapshot.by : seen.head.mm;
  books_[by].model.add({delta.allocs, {}});
  books_[seen.head.mm].model.add({{}, delta.frees});
  model_.add(delta);
}

void Verifier::applied(const Event& event, std::uint64_t index, const Counts& delta,
                       const Counts& for_preparing, std::uint64_t prepared) {
  const MmId mm = event.head.mm;
  if (const auto* lost = std::get_if<Lost>(&event.body)) lost_ += lost->count;
  if (event.head.seq % 2 == 1) ++lane(kWriters).compared, ++lane(kWriters).equal;
  if (std::holds_alternative<UnknownWrite>(event.body)) {
    ++unexplained_[mm];
    operations_.erase(token_of(mm, event.head.seq));  // its snapshot accounts for it
  }
  if (!mm) return;
  model_.add(delta);
  if (has_token(event)) {
    books_[mm].model.add(delta);
    books_[mm].model_prepared += prepared;
    Counts& so_far = steps_[mm];
    so_far.add(delta);
    for (std::size_t c = 0; c < kNumCaches; ++c) so_far.allocs[c] -= for_preparing.allocs[c];
    if (std::holds_alternative<Step>(event.body)) return;  // its Fork follows
    books_[mm].last_seq = event.head.seq;
    if (truth_) close_operation(event, index, so_far);
    steps_.erase(mm);
    return;
  }
  const auto* touch = std::get_if<Touch>(&event.body);
  Book& book = books_[touch != nullptr && touch->by ? touch->by : mm];
  book.model.add(delta);
  book.model_prepared += prepared;
  if (std::holds_alternative<ExitTask>(event.body)) book.ending |= event.head.map_count != 0;
  if (std::holds_alternative<ExitMmap>(event.body))
    close_book(mm, place(event.head, index, "exit_mmap"));
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
  if (auto node = operations_.extract(token_of(event.head.mm, event.head.seq)); !node.empty())
    kernel = node.mapped();
  bool equal = same_but_for_last_reference(kernel, model);
  if (!equal && failed(event)) {
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
    lane(kWriters).equal -= open.mapped();
    if (differences_.size() < kMostDifferences)
      differences_.push_back(
          fmt::format("{}: {} write acquires of an unseen writer, and no "
                      "snapshot after them",
                      where, open.mapped()));
  }
  attach_seq_.erase(mm);
  if (node.empty() || !truth_) return;
  const Book& book = node.mapped();
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
  if (book.kernel_prepared != book.model_prepared && differences_.size() < kMostDifferences)
    differences_.push_back(fmt::format("{}: the kernel prepared {} vmas, the model {}", where,
                                       book.kernel_prepared, book.model_prepared));
}

// execve is no operation of the model: its result is taken. What it kept must be what the snapshot
// shows.
void Verifier::exec_is_over(const SeenMm& seen, const Counts& model) {
  Counts kernel;
  const auto tgid = static_cast<std::uint32_t>(seen.snapshot.tgid);
  if (auto node = execs_.extract(tgid); !node.empty()) kernel = node.mapped();
  model_.add(model);
  if (!truth_) return;
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

// The recording ended inside forks (the kernel has allocated, no Fork came) and exits (it has
// freed, no ExitMmap came).
void Verifier::leave_out_what_is_under_way() {
  spaces_.abandon_forks();
  for (const auto& [mm, begun] : steps_)
    for (std::size_t c = 0; c < kNumCaches; ++c) {
      model_.allocs[c] -= begun.allocs[c];
      books_[mm].model.allocs[c] -= begun.allocs[c];
    }
  for (auto& [mm, book] : books_) {
    for (auto it = operations_.begin(); it != operations_.end();) {
      const bool open =
          it->first >> 32 == mm.v && static_cast<std::uint32_t>(it->first) > book.last_seq;
      if (!open) {
        ++it;
        continue;
      }
      under_way_.add(it->second);
      for (std::size_t c = 0; c < kNumCaches; ++c) {
        kernel_.allocs[c] -= it->second.allocs[c];
        kernel_.frees[c] -= it->second.frees[c];
        book.kernel.allocs[c] -= it->second.allocs[c];
        book.kernel.frees[c] -= it->second.frees[c];
      }
      it = operations_.erase(it);
    }
    if (!book.ending) continue;
    for (std::size_t c = 0; c < kNumCaches; ++c) {
      if (book.kernel.frees[c] <= book.model.frees[c]) continue;
      const std::uint64_t more = book.kernel.frees[c] - book.model.frees[c];
      under_way_.frees[c] += more;
      kernel_.frees[c] -= more;
      book.kernel.frees[c] -= more;
    }
  }
}

// Tokens that no event ever named: forks that failed. They may leave nothing behind, which the
// totals tell: the objects of the copy are freed in the name of an mm that nobody announced.
void Verifier::close_failed_operations(MmId mm) {
  for (auto it = operations_.begin(); it != operations_.end();) {
    if (it->first >> 32 != mm.v) {
      ++it;
      continue;
    }
    failed_.add(it->second);
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

void Verifier::compare_totals() {
  const auto total = [&](std::size_t lane_index, std::uint64_t kernel, std::uint64_t model) {
    Lane& lane = lanes_[lane_index];
    lane.compared = std::max(kernel, model);
    lane.equal = std::min(kernel, model);
    if (kernel != model && differences_.size() < kMostDifferences)
      differences_.push_back(fmt::format("{}: kernel {}, model {}", lane.name, kernel, model));
  };
  for (std::size_t c = 0; c < kNumCaches; ++c)
    total(kAllocated + c, kernel_.allocs[c], model_.allocs[c]);
  for (std::size_t c = 0; c < kNumCaches; ++c)
    total(kLive + c, spaces_.at_start()[c] + kernel_.allocs[c] - kernel_.frees[c],
          slab_.usage(static_cast<CacheIndex>(c)).active_objs);
}

Verdict Verifier::finish() {
  spaces_.finish();
  for (const auto& [seen, at] : std::exchange(attached_, {})) compare_state(seen, at);
  look_again(~0ull);
  lane(kMapCount).compared = spaces_.map_counts_compared();
  lane(kMapCount).equal = spaces_.map_counts_compared() - spaces_.map_count_mismatches();
  leave_out_what_is_under_way();
  std::vector<MmId> open;
  for (const auto& [mm, book] : books_) open.push_back(mm);
  for (const auto& [mm, count] : unexplained_)
    if (!books_.contains(mm)) open.push_back(mm);
  for (const MmId mm : open)
    close_book(mm, fmt::format("mm {} ({}), alive at the end", mm.v, spaces_.comm(mm)));

  Verdict verdict;
  verdict.truth = truth_;
  if (truth_) {
    settle_failed();
    compare_totals();
    verdict.excluded = {
        {"exec temporaries", "allocated and freed by the loader before its snapshot",
         exec_temporaries_.allocs},
        {"lost races", "of threads that prepared a vma which another one had just prepared",
         lost_races_.allocs},
        {"failed calls", "built and dropped by calls that failed", failed_.allocs},
        {"still forking", "allocated by forks that were under way when the recording ended",
         under_way_.allocs},
        {"still exiting", "freed by exits that were under way when the recording ended",
         under_way_.frees}};
  }
  verdict.differences = differences_;
  verdict.shared_elsewhere = kin_elsewhere();
  if (const std::uint64_t shared = verdict.shared_elsewhere; shared > 0)
    verdict.doubts.push_back(fmt::format(
        "{} anon_vmas are shared with address spaces that were not recorded: whether a fork reuses "
        "them may depend on what those do",
        shared));
  if (!truth_ && lane(kChains).compared == 0)
    lane(kChains).not_available = "recorded without --truth";
  verdict.lanes.assign(lanes_.begin(), lanes_.end());
  if (lost_ > 0) verdict.doubts.push_back(fmt::format("{} records were lost", lost_));
  return verdict;
}

}  // namespace anonvma
