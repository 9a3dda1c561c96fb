#include "engine/verify/verifier.h"

#include <fmt/format.h>

#include "engine/strategy/own.h"
#include "engine/trace/syscall_names.h"
#include "engine/verify/words.h"

namespace anonvma {

Verifier::Verifier(const Meta& meta, const SlabAccount& slab, const AddressSpaces& spaces)
    : spaces_(spaces),
      truth_(meta.truth),
      slice_(is_slice(meta)),
      machine_(meta.machine),
      lanes_(meta.truth),
      objects_(meta, slab, spaces, lanes_),
      kin_(own_counters(meta) == Counters::degree),
      state_(spaces, objects_, kin_, lanes_) {}

Budget Verifier::spent() const {
  return {writers_.bytes() + objects_.bytes() + state_.bytes() + kin_.bytes(), state_.steps()};
}

void Verifier::kernel_object(const EventHead& head, const Truth& truth) {
  if (objects_.take(head, truth) && head.seq != 0) state_.late().drop_counters(head.mm, head.seq);
}

void Verifier::settled(const Event& event, std::uint64_t index, const OpEffect& effect) {
  const EventHead& head = event.head;
  if (effect.map_count_differs)
    lanes_.differ(
        fmt::format("{}: map_count before it: kernel {}, model differs (last rule applied: {})",
                    place(spaces_, head, index, name_of(type_of(event.body))), head.map_count,
                    effect.rule_before.empty() ? "none" : effect.rule_before));
  if (const auto* lost = std::get_if<Lost>(&event.body)) lose(*lost);
  if (head.seq % 2 == 1) {
    ++lanes_[Lanes::kWriters].compared;
    ++lanes_[Lanes::kWriters].equal;
  }
  if (const auto* writer = std::get_if<UnknownWrite>(&event.body)) note_writer(head, *writer);
  objects_.settled(event, index, effect);
  if (head.mm && std::holds_alternative<ExitMmap>(event.body))
    close(head.mm, place(spaces_, head, index, "exit_mmap"));
  state_.late().settled(event);
}

// Differences in an mm that lost records prove nothing against the model.
void Verifier::lose(const Lost& lost) {
  lost_ += lost.count;
  if (lost.count > 0) objects_.records_lost();
  writers_.forget_if([this](MmId mm) { return spaces_.tainted(mm); });
  state_.late().forget_tainted();
}

// The snapshot of a tainted mm will account for its writers.
void Verifier::note_writer(const EventHead& head, const UnknownWrite& writer) {
  writers_.saw(writer.syscall);
  const Counts kernel = objects_.take_unseen(head);
  if (!spaces_.tainted(head.mm)) writers_.acquired(head.mm, head.time_ns, kernel);
}

void Verifier::taken(const MmSnapshot& snapshot, const OpEffect& effect) {
  const MmId mm = snapshot.head.mm;
  switch (snapshot.reason()) {
    case SnapReason::attach:
      objects_.attached(snapshot);
      kin_.attached(snapshot);
      return;  // its set follows
    case SnapReason::resync:
      writers_.explained(mm);
      return;  // its set follows
    case SnapReason::exec:
      objects_.exec_over(snapshot, effect.objs);
      break;
    case SnapReason::unknown_write:
      objects_.resynchronised(snapshot, effect);
      writers_.explained(mm);
      break;
    case SnapReason::exit:
      writers_.explained(mm);
      break;
    case SnapReason::end:
      objects_.ended(snapshot);
      break;
  }
  state_.compare(snapshot);
}

void Verifier::taken(const SnapshotSet& set) {
  if (slice_ && set.front().reason() == SnapReason::attach) return;
  for (const MmSnapshot& snapshot : set) state_.compare(snapshot);
}

void Verifier::close(MmId mm, const std::string& where) {
  if (const auto open = writers_.take(mm)) {
    lanes_[Lanes::kWriters].equal -= open->acquires;
    lanes_.differ(
        fmt::format("{}: {} write acquires of an unseen writer, and no snapshot after them", where,
                    open->acquires));
  }
  objects_.close(mm, where);
}

// Closes the books of all mms that are alive at the end.
void Verifier::close_all() {
  std::vector<MmId> open = objects_.open();
  for (const auto& [mm, writers] : writers_.open())
    if (!objects_.is_open(mm)) open.push_back(mm);
  for (const MmId mm : open)
    close(mm, fmt::format("mm {} ({}), alive at the end", mm.v, spaces_.comm(mm)));
}

std::vector<std::string> Verifier::doubts(std::uint64_t shared) const {
  std::vector<std::string> doubts;
  if (shared > 0)
    doubts.push_back(fmt::format(
        "{} anon_vmas are shared with address spaces that were not recorded: whether a fork reuses "
        "them may depend on what those do",
        shared));
  if (const std::uint64_t open = objects_.in_flight(); open > 0)
    doubts.push_back(
        fmt::format("{} calls or faults were under way when the recording ended", open));
  if (lost_ > 0) doubts.push_back(fmt::format("{} records were lost", lost_));
  return doubts;
}

Verdict Verifier::finish() {
  Lane& map_count = lanes_[Lanes::kMapCount];
  map_count.compared = spaces_.map_counts().compared();
  map_count.equal = map_count.compared - spaces_.map_counts().mismatches();
  objects_.leave_out_in_flight(newest_ns_, writers_);
  close_all();
  if (truth_ && lost_ > 0) lanes_.lose_objects(lost_);
  if (Lane& chains = lanes_[Lanes::kChains]; !truth_ && chains.compared == 0)
    chains.not_available = "recorded without --truth";

  Verdict verdict;
  verdict.truth = objects_.compares();
  if (verdict.truth) {
    objects_.compare_totals(newest_ns_);
    verdict.excluded = objects_.excluded();
  }
  verdict.lanes = lanes_.all();
  verdict.differences = lanes_.differences();
  verdict.unseen_writers = unseen_writers_by_name(writers_.by_syscall(), machine_);
  verdict.shared_elsewhere = kin_.elsewhere();
  verdict.doubts = doubts(verdict.shared_elsewhere);
  return verdict;
}

}  // namespace anonvma
