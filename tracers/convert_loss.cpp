// What the converter makes of losses: Lost events, and rounds that read again what lost records.
#include <algorithm>
#include <utility>

#include "tracers/convert.h"

namespace anonvma {
namespace {

// What kind of event a dropped record would have become; 0 when that depends.
EventType event_type_of(std::uint32_t kind) {
  switch (kind) {
    case ANONVMA_EXTRA:
    case ANONVMA_UNKNOWN:
      return EventType::unknown_write;
    case ANONVMA_FORK:
      return EventType::fork;
    case ANONVMA_SHARED:
      return EventType::shared;
    case ANONVMA_EXEC_BEGIN:
    case ANONVMA_EXEC:
      return EventType::exec;
    case ANONVMA_EXEC_VMA:
      return EventType::snap_vma;
    case ANONVMA_EXIT_TASK:
      return EventType::exit_task;
    case ANONVMA_EXIT_MMAP:
      return EventType::exit_mmap;
    case ANONVMA_GROW:
    case ANONVMA_FAULT:
      return EventType::fault;
    case ANONVMA_TOUCH:
      return EventType::touch;
    case ANONVMA_TRUTH:
      return EventType::truth;
    case ANONVMA_SEEN:
    case ANONVMA_WALK:
      return EventType::snapshot;
    default:
      return EventType{0};
  }
}

Lost lost_event(std::uint32_t kind, std::uint64_t count, std::uint64_t cpu, bool unnamed) {
  return {count, static_cast<std::uint64_t>(event_type_of(kind)), cpu, unnamed ? 1u : 0u};
}

}  // namespace

void Converter::lost(const LostCount& lost, std::uint64_t now_ns) {
  const MmId mm = addresses_.mm(lost.mm);
  // That a walk has reached an mm was lost: the mm itself lost nothing, and the round tries again.
  const bool walk = mm && lost.kind == ANONVMA_WALK;
  const bool unnamed = (!mm && !lost.of_anybody) || walk;
  if (lost.of_anybody)
    all_suspect_ = true;
  else if (!walk &&
           (mm || (lost.mm != 0 && lost.kind != ANONVMA_TRUTH)))  // a stranger's frees are no loss
    suspects_[lost.mm] |= 1u << lost.kind;
  if (unnamed && lost.count == 0) return;
  order_.pass(
      {{since_start(now_ns), 0, mm, 0, 0}, lost_event(lost.kind, lost.count, lost.cpu, unnamed)});
}

// A record of an mm whose birth was lost, and no round has found it yet.
void Converter::drop_unborn(const anonvma_record& r) {
  if (!suspects_.contains(r.mm)) return;
  switch (r.kind) {
    case ANONVMA_EXIT_MMAP:
      suspects_.erase(r.mm);  // nothing is left to be found
      [[fallthrough]];
    case ANONVMA_OP:
    case ANONVMA_EXTRA:
    case ANONVMA_UNKNOWN:
    case ANONVMA_GROW:
    case ANONVMA_FORK:
    case ANONVMA_SHARED:
    case ANONVMA_EXIT_TASK:
    case ANONVMA_FAULT:
    case ANONVMA_TOUCH:
      ++unborn_[r.kind];
      return;
    default:  // parts of an exec that is still to come, and what is no event
      return;
  }
}

std::uint64_t Converter::tell_unborn(std::uint64_t now_ns) {
  std::uint64_t all = 0;
  for (const auto& [kind, count] : std::exchange(unborn_, {})) {
    order_.pass({{since_start(now_ns), 0, {}, 0, 0}, lost_event(kind, count, 0, true)});
    all += count;
  }
  return all;
}

// Records of the mm at `address` were lost before it was announced.
void Converter::taint_newborn(std::uint64_t address, MmId mm, const anonvma_record& r,
                              std::uint32_t seq) {
  if (!suspects_.contains(address)) return;
  order_.read(mm, seq, group(r, mm, lost_event(0, 0, r.cpu, false)));
}

std::uint32_t Converter::family_of(MmId mm) const {
  const auto found = families_.find(mm);
  return found == families_.end() ? 0 : found->second;
}

void Converter::begin_round(std::function<bool(std::uint64_t)> tracks) {
  round_ = {};
  round_.active = true;
  round_.all = std::exchange(all_suspect_, false);
  round_.suspects = std::exchange(suspects_, {});
  round_.first_new = addresses_.next_mm();
  round_.tracks = std::move(tracks);
  for (const auto& [address, kinds] : round_.suspects)
    if (const MmId mm = addresses_.mm(address)) round_.families.insert(family_of(mm));
}

bool Converter::wanted_in_round(MmId mm) const {
  return round_.all || round_.families.contains(family_of(mm));
}

bool Converter::in_round(std::uint64_t address) const {
  if (tracked_only_ && !round_.tracks(address)) return false;
  const MmId mm = addresses_.mm(address);
  if (mm && !is_gone(address, mm)) return wanted_in_round(mm) && !round_.placed.contains(mm);
  return round_.all || round_.suspects.contains(address);
}

// The record of its end was lost: who lives at the address now, if anybody, is another one.
bool Converter::is_gone(std::uint64_t address, MmId mm) const {
  const auto kinds = round_.suspects.find(address);
  return mm.v < round_.first_new && kinds != round_.suspects.end() &&
         (kinds->second >> ANONVMA_EXIT_MMAP & 1) != 0;
}

void Converter::end_unseen(std::uint64_t address, MmId mm, std::uint64_t time_ns) {
  order_.exit(mm, {{{since_start(time_ns), 0, mm, 0, 0}, ExitMmap{}}, {}});
  retire(address, mm);
}

void Converter::on_resync(const anonvma_walk_record& r, WalkedMm& walked) {
  if (!round_.active || !in_round(r.head.mm)) return;
  MmId mm = addresses_.mm(r.head.mm), relative;
  if (mm && is_gone(r.head.mm, mm)) {
    end_unseen(r.head.mm, mm, r.head.time_ns);
    mm = {};
  }
  if (!mm) {
    for (const WalkedVma& vma : walked.vmas)
      for (const anonvma_walk_avc& avc : vma.chain)
        if (const auto root = round_.roots.find(avc.root); root != round_.roots.end())
          relative = root->second;
    mm = bear(r.head.mm, walked.head.tgid, r.head, relative ? family_of(relative) : next_family_++);
  }
  const EventHead at{since_start(r.head.time_ns), r.head.tid, mm, walked.head.seq,
                     static_cast<std::uint32_t>(walked.vmas.size())};
  EventGroup event = snapshot(at, walked, SnapReason::resync);
  std::get<Snapshot>(event.first.body).by = relative;
  order_.resynchronise(mm, walked.head.seq, std::move(event));
  round_.placed.insert(mm);
  if (walked.torn) suspects_[r.head.mm] |= 1u << ANONVMA_WALK;
  for (const WalkedVma& vma : walked.vmas)
    for (const anonvma_walk_avc& avc : vma.chain) round_.roots.try_emplace(avc.root, mm);
}

// Whom no walk has placed: gone, as the record of its end was lost, or to be looked for again.
void Converter::end_round(std::uint64_t now_ns) {
  std::vector<std::pair<std::uint64_t, MmId>> gone;
  for (const auto& [address, mm] : addresses_.mms()) {
    if (!wanted_in_round(mm) || round_.placed.contains(mm)) continue;
    const bool walked =
        round_.walked.contains(address) && (!tracked_only_ || round_.tracks(address));
    if (is_gone(address, mm) || (round_.all && mm.v < round_.first_new && !walked))
      gone.emplace_back(address, mm);
    else if (walked || mm.v >= round_.first_new)
      suspects_[address] |= 1u << ANONVMA_WALK;
  }
  std::sort(gone.begin(), gone.end(),
            [](const auto& a, const auto& b) { return a.second.v < b.second.v; });
  for (const auto& [address, mm] : gone) end_unseen(address, mm, now_ns);
  // What a walk tore is no state to rely on, though the best there is.
  for (const auto& [address, kinds] : suspects_)
    if (const MmId mm = addresses_.mm(address); mm && (kinds >> ANONVMA_WALK & 1))
      order_.pass({{since_start(now_ns), 0, mm, 0, 0}, lost_event(0, 0, 0, false)});
  round_ = {};
}

}  // namespace anonvma
