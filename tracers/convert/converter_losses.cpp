// The converter's answer to losses: Lost events, and suspects for the next round.
#include <utility>

#include "tracers/convert/convert.h"

namespace anonvma {
namespace {

// The type of the event that a dropped record would have become; 0 if the kind does not tell.
EventType event_type_of(std::uint32_t kind) {
  switch (static_cast<anonvma_kind>(kind)) {
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
    case ANONVMA_NEW_ANON_VMA:
      return EventType::new_anon_vma;
    case ANONVMA_TRUTH:
      return EventType::truth;
    case ANONVMA_SEEN:
    case ANONVMA_WALK:
      return EventType::snapshot;
    case ANONVMA_CGROUP:
      return EventType::in_cgroup;
    case ANONVMA_OP:  // an event of any call
    case ANONVMA_GAP:
    case ANONVMA_PLACE:
    case ANONVMA_NAME:
    case ANONVMA_KINDS:  // of skipped programs
      break;
  }
  return EventType{0};
}

Lost lost_event(std::uint32_t kind, std::uint64_t count, std::uint64_t cpu, bool unnamed) {
  return {count, static_cast<std::uint64_t>(event_type_of(kind)), cpu, unnamed ? 1u : 0u};
}

}  // namespace

void Converter::lost(const LostCount& lost, std::uint64_t now_ns) {
  const MmId mm = addresses_.mm(lost.mm);
  // A lost record of a walk is no loss of the mm itself: the round tries again.
  const bool walk = mm && lost.kind == ANONVMA_WALK;
  const bool unnamed = (!mm && !lost.of_anybody) || walk;
  unborn_.expect();
  if (lost.count == 0 && !lost.of_anybody && rounds_.has_lost(lost.mm, lost.kind))
    return;  // already reported
  if (lost.of_anybody)
    rounds_.suspect_all();
  else if (!walk &&
           (mm || (lost.mm != 0 && lost.kind != ANONVMA_TRUTH)))  // unknown mm: frees are no loss
    rounds_.suspect(lost.mm, lost.kind);
  if (unnamed && lost.count == 0) return;
  const Event event{{heads_.since_start(now_ns), 0, mm, 0, 0},
                    lost_event(lost.kind, lost.count, lost.cpu, unnamed)};
  if (!mm || unnamed || order_.announced(mm)) return order_.pass(event);
  if (lost.count > 0)
    order_.pass(
        {{event.head.time_ns, 0, {}, 0, 0}, lost_event(lost.kind, lost.count, lost.cpu, true)});
  taint(mm, now_ns);
}

// A record of an mm whose birth was lost and that no round has found yet.
void Converter::drop_unborn(const anonvma_record& r) {
  if (!rounds_.was_suspect(r.mm)) return;
  switch (static_cast<anonvma_kind>(r.kind)) {
    case ANONVMA_EXIT_MMAP:
      rounds_.forget(r.mm);  // nothing is left to be found
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
    case ANONVMA_NEW_ANON_VMA:
      unborn_.drop(r.kind);
      return;
    case ANONVMA_EXEC_BEGIN:  // parts of an exec that is still to come
    case ANONVMA_EXEC_VMA:
    case ANONVMA_EXEC:
    case ANONVMA_SEEN:  // records without an event of the mm
    case ANONVMA_TRUTH:
    case ANONVMA_WALK:
    case ANONVMA_GAP:
    case ANONVMA_PLACE:
    case ANONVMA_NAME:
    case ANONVMA_CGROUP:
    case ANONVMA_KINDS:
      return;
  }
}

std::uint64_t Converter::report_unborn(std::uint64_t now_ns) {
  std::uint64_t all = 0;
  for (const auto& [kind, count] : unborn_.take()) {
    order_.pass({{heads_.since_start(now_ns), 0, {}, 0, 0}, lost_event(kind, count, 0, true)});
    all += count;
  }
  return all;
}

// Records of the mm at `address` were lost before it was announced.
void Converter::taint_newborn(std::uint64_t address, MmId mm, const anonvma_record& r,
                              std::uint32_t seq) {
  if (!rounds_.is_suspect(address)) return;
  order_.read(mm, seq, heads_.group(r, mm, lost_event(0, 0, r.cpu, false)));
}

// Marks the mm as uncertain, and with it its whole family. For readers of the trace an mm whose
// Fork still waits is not born. Such an mm is tainted after its Fork, and a relative takes its
// place until then.
void Converter::taint(MmId mm, std::uint64_t now_ns) {
  Event event{{heads_.since_start(now_ns), 0, mm, 0, 0}, lost_event(0, 0, 0, false)};
  if (order_.announced(mm)) return order_.pass(event);
  order_.behind_birth(mm, {event, {}});
  MmId relative;
  for (const auto& [other, family] : families_.all())
    if (family == families_.of(mm) && order_.announced(other) && (!relative || other < relative))
      relative = other;
  event.head.mm = relative;
  if (relative) order_.pass(event);
}

// A fork whose parent is unknown, or whose parent has a snapshot from after the fork. A walk has
// announced the child, or has still to announce it.
void Converter::on_fork_unseen(const anonvma_fork_record& r, MmId parent) {
  const MmId known = addresses_.mm(r.child_mm);
  if (known && processes_.tgid_of(known).initial == r.child_tgid) return;
  if (!unborn_.expected()) {
    processes_.add_orphan(r.child_mm, r.child_tgid);
    return;
  }
  if (known) end_unseen(r.child_mm, known, r.head.time_ns);  // the record of its end was lost
  rounds_.suspect(r.child_mm, ANONVMA_FORK);
  if (!parent) return;
  rounds_.suspect(r.head.mm, ANONVMA_FORK);
  taint(parent, r.head.time_ns);
}

void Converter::end_unseen(std::uint64_t address, MmId mm, std::uint64_t time_ns) {
  order_.exit(mm, {{{heads_.since_start(time_ns), 0, mm, 0, 0}, ExitMmap{}}, {}});
  retire(address, mm, time_ns);
}

void Converter::on_resync(const anonvma_walk_record& r, const WalkedMm& walked) {
  if (!rounds_.is_active() || !in_round(r.head.mm)) return;
  MmId mm = addresses_.mm(r.head.mm);
  if (mm && rounds_.is_gone(r.head.mm, mm)) {
    end_unseen(r.head.mm, mm, r.head.time_ns);
    mm = {};
  }
  const bool unborn = !mm;
  const Tgid tgid{walked.head.tgid, walked.head.local_tgid};
  if (unborn) mm = bear(r.head.mm, tgid, r.head, families_.begin_one());
  const MmId relative = rounds_.place(mm, walked);
  const EventHead at{heads_.since_start(r.head.time_ns), r.head.tid, mm, walked.head.seq,
                     static_cast<std::uint32_t>(walked.vmas.size())};
  EventGroup event = snapshots_.of_walk(walked, at, SnapReason::resync);
  if (unborn) std::get<Snapshot>(event.first.body).by = relative;
  order_.resynchronise(mm, walked.head.seq, std::move(event));
}

void Converter::end_round(std::uint64_t now_ns, const Rounds::Lives& lives) {
  for (const auto& [address, mm] : rounds_.unplaced(lives)) end_unseen(address, mm, now_ns);
  for (const MmId mm : rounds_.end(lives)) taint(mm, now_ns);
}

}  // namespace anonvma
