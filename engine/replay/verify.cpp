#include "engine/replay/verify.h"

#include <fmt/format.h>

#include "engine/trace/syscall_names.h"

namespace anonvma {
namespace {

constexpr std::size_t kMostDifferences = 20;

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
    case EventType::map:
    case EventType::unmap:
    case EventType::brk:
    case EventType::protect:
    case EventType::advise:
    case EventType::lock:
    case EventType::remap:
    case EventType::seal:
    case EventType::fork:
    case EventType::step:
    case EventType::shared:
    case EventType::exec:
    case EventType::snapshot:
    case EventType::snap_vma:
    case EventType::snap_chain:
    case EventType::lost:
    case EventType::truth:
      return true;
  }
  return true;
}

}  // namespace

Verifier::Verifier(const Meta& meta, const SlabAccount& slab, const AddressSpaces& spaces)
    : slab_(slab),
      spaces_(spaces),
      truth_(meta.truth),
      slice_(is_slice(meta)),
      rcu_(meta.vma_free_rcu),
      machine_(meta.machine),
      degree_(own_strategy(meta) == "degree") {
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

std::uint64_t Verifier::differing() const {
  std::uint64_t all = spaces_.map_counts().mismatches();
  for (const Lane& lane : lanes_) all += lane.compared - lane.equal;
  return all;
}

Budget Verifier::spent() const {
  // A node of a hash table, an entry of a chain with its difference in words.
  constexpr std::uint64_t kNode = 64, kLate = 800;
  std::uint64_t nodes = unexplained_.size() + attach_seq_.size() + prepared_by_.size() +
                        dropped_by_.size() + faults_.size() + makers_.size() * 2 + unnamed_.size() +
                        to_model_.size() + to_kernel_.size();
  for (const auto& alive : objects_) nodes += alive.size();
  return {nodes * kNode + late_.size() * kLate +
              (operations_.size() + preparing_.size() + steps_.size() + execs_.size()) *
                  (kNode + sizeof(Counts)) +
              books_.size() * (kNode + sizeof(Book)) + kin_.size() * (2 * kNode + sizeof(Kin)),
          work_};
}

std::string Verifier::place(const EventHead& head, std::uint64_t index,
                            std::string_view what) const {
  return fmt::format("event {} ({:.6f} s), {} in mm {} ({})", index,
                     static_cast<double>(head.time_ns) / 1e9, what, head.mm.v,
                     spaces_.comm(head.mm));
}

void Verifier::differ(const std::string& difference) {
  if (differences_.size() < kMostDifferences) differences_.push_back(difference);
}

void Verifier::compare(LaneIndex index, bool equal, const std::string& difference) {
  ++lane(index).compared;
  if (equal)
    ++lane(index).equal;
  else
    differ(difference);
}

// What is known of an mm that lost records proves nothing against the model.
void Verifier::on_lost(const Lost& lost) {
  lost_ += lost.count;
  std::erase_if(unexplained_, [&](const auto& open) { return spaces_.tainted(open.first); });
  std::erase_if(late_, [&](const Late& late) {
    const bool tainted = spaces_.tainted(late.mm);
    unfaulted_ -= tainted && late.unfaulted ? 1 : 0;
    return tainted;
  });
}

// Both sides.

void Verifier::fork_abandoned(MmId mm) { forget_steps(mm); }

void Verifier::settled(const Event& event, std::uint64_t index, const OpEffect& effect) {
  const EventType type = type_of(event.body);
  if (effect.map_count_differs)
    differ(
        fmt::format("{}: map_count before it: kernel {}, model differs (last "
                    "rule applied: {})",
                    place(event.head, index, name_of(type)), event.head.map_count,
                    effect.rule_before.empty() ? "none" : effect.rule_before));
  applied(event, index, effect);
  if (!late_.empty() && (type != EventType::fault || unfaulted_ > 0))
    look_again(event.head.time_ns);
}

void Verifier::taken(const MmSnapshot& seen, const OpEffect& effect) {
  switch (seen.reason()) {
    case SnapReason::attach:
      attach_seq_[seen.head.mm] = seen.head.seq;
      note_kin(seen);
      for (const VmaSnapshot& vma : seen.vmas)
        for (const SnapChain& link : vma.chain) objects_[kAnonVma].insert(link.anon_vma.v);
      return;
    case SnapReason::resync:
      unexplained_.erase(seen.head.mm);
      return;
    case SnapReason::exec:
      exec_is_over(seen, effect.objs);
      break;
    case SnapReason::unknown_write:
      resynchronised(seen, effect.objs);
      unexplained_.erase(seen.head.mm);
      break;
    case SnapReason::exit:
      unexplained_.erase(seen.head.mm);
      break;
    case SnapReason::end:
      break;
  }
  compare_state(seen);
}

void Verifier::taken(const SnapshotSet& set) {
  if (slice_ && set.front().reason() == SnapReason::attach) return;
  for (const MmSnapshot& seen : set) compare_state(seen);
}

// The kernel charges what an unseen writer allocates to the writer, what it frees to the owner.
void Verifier::resynchronised(const MmSnapshot& seen, const Counts& delta) {
  const MmId by = seen.snapshot.by ? seen.snapshot.by : seen.head.mm;
  books_[by].model += Counts{delta.allocs, {}};
  Book& book = books_[seen.head.mm];
  book.model += Counts{{}, delta.frees};
  if (delta.frees[kVmAreaStruct] > 0) book.gave_up_ns = seen.head.time_ns;
  model_ += delta;
}

void Verifier::applied(const Event& event, std::uint64_t index, const OpEffect& effect) {
  const Counts &delta = effect.objs, &for_preparing = effect.prepared.objs;
  const std::uint64_t prepared = effect.prepared.vmas;
  const MmId mm = event.head.mm;
  if (const auto* lost = std::get_if<Lost>(&event.body)) on_lost(*lost);
  if (const EventType type = type_of(event.body);
      type == EventType::fork || type == EventType::exit_mmap)
    kin_ns_ = event.head.time_ns;
  if (compares_objects()) note_event_of(event, for_preparing, prepared);
  if (event.head.seq % 2 == 1) ++lane(kWriters).compared, ++lane(kWriters).equal;
  if (const auto* unseen = std::get_if<UnknownWrite>(&event.body)) {
    ++unseen_writers_[unseen->syscall];
    const auto by_it = operations_.extract(token_of(mm, event.head.seq));
    if (!spaces_.tainted(mm)) {  // its snapshot will account for it
      Unexplained& open = unexplained_[mm];
      ++open.acquires;
      open.last_ns = event.head.time_ns;
      if (!by_it.empty()) open.kernel += by_it.mapped();
    }
  }
  if (!mm) return;
  model_ += delta;
  if (has_token(event)) {
    books_[mm].model += delta;
    books_[mm].model_prepared += prepared;
    Counts& so_far = steps_[mm];
    so_far += delta;
    so_far -= for_preparing;
    if (std::holds_alternative<Step>(event.body)) return;  // its Fork follows
    books_[mm].last_seq = event.head.seq;
    books_[mm].op_ns = event.head.time_ns;
    if (so_far.frees[kVmAreaStruct] > 0) books_[mm].gave_up_ns = event.head.time_ns;
    if (truth_) close_operation(event, index, so_far);
    steps_.erase(mm);
    return;
  }
  const auto* touch = std::get_if<Touch>(&event.body);
  Book& book = books_[touch != nullptr && touch->by ? touch->by : mm];
  book.model += delta;
  book.model_prepared += prepared;
  if (const auto* fault = std::get_if<Fault>(&event.body); fault != nullptr && prepared > 0)
    faults_[event.head.tid] = {.mm = mm,
                               .addr = fault->addr,
                               .ns = event.head.time_ns,
                               .model = for_preparing,
                               .seq = event.head.seq};
  if (touch != nullptr && prepared > 0)
    faults_[event.head.tid] = {.mm = mm,
                               .addr = touch->addr,
                               .ns = event.head.time_ns,
                               .model = {},
                               .handled_ns = ~0ull,  // set right behind
                               .seq = event.head.seq};
  if (std::holds_alternative<ExitTask>(event.body)) book.ending |= event.head.map_count != 0;
  if (std::holds_alternative<ExitMmap>(event.body))
    close_book(mm, place(event.head, index, "exit_mmap"));
}

void Verifier::look_a_last_time() { look_again(~0ull); }

Verdict Verifier::finish() {
  lane(kMapCount).compared = spaces_.map_counts().compared();
  lane(kMapCount).equal = spaces_.map_counts().compared() - spaces_.map_counts().mismatches();
  leave_out_what_is_under_way();
  take_faults_as_handled();
  if (compares_objects()) leave_out_makers();
  std::vector<MmId> open;
  for (const auto& [mm, book] : books_) open.push_back(mm);
  for (const auto& [mm, writers] : unexplained_)
    if (!books_.contains(mm)) open.push_back(mm);
  for (const MmId mm : open)
    close_book(mm, fmt::format("mm {} ({}), alive at the end", mm.v, spaces_.comm(mm)));

  Verdict verdict;
  verdict.truth = compares_objects();
  if (truth_ && lost_ > 0) {
    // What differed before is a finding all the same.
    for (std::size_t i = kOperations; i < kNumLanes; ++i)
      if (lanes_[i].agrees())
        lanes_[i] = {lanes_[i].name, 0, 0, fmt::format("{} records were lost", lost_)};
  }
  if (compares_objects()) {
    settle_failed();
    settle_waiting();
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
    if (rcu_)
      verdict.excluded.push_back(
          {"waiting for RCU",
           "freed by calls a moment before the recording ended, and not yet given back: this "
           "kernel does so a grace period later, so that freed vmas are compared by address space "
           "and not by operation",
           {waited_for_, 0, 0}});
  }
  verdict.differences = differences_;
  verdict.unseen_writers = unseen_writers_by_name(unseen_writers_, machine_);
  verdict.shared_elsewhere = kin_elsewhere();
  if (const std::uint64_t shared = verdict.shared_elsewhere; shared > 0)
    verdict.doubts.push_back(fmt::format(
        "{} anon_vmas are shared with address spaces that were not recorded: whether a fork reuses "
        "them may depend on what those do",
        shared));
  if (open_ > 0)
    verdict.doubts.push_back(
        fmt::format("{} calls or faults were under way when the recording ended", open_));
  if (!truth_ && lane(kChains).compared == 0)
    lane(kChains).not_available = "recorded without --truth";
  verdict.lanes.assign(lanes_.begin(), lanes_.end());
  if (lost_ > 0) verdict.doubts.push_back(fmt::format("{} records were lost", lost_));
  return verdict;
}

}  // namespace anonvma
