#include "tracers/convert/convert.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "tracers/convert/syscall.h"

namespace anonvma {
namespace {

Fault fault_of(const anonvma_fault_record& r) {
  constexpr std::uint64_t kFlags = 4095;  // pages are no smaller anywhere
  return {r.addr & ~kFlags, r.addr & kFlags};
}

}  // namespace

Converter::Converter(Order& order, std::uint64_t page_size, bool tracked_only)
    : order_(order),
      page_size_(page_size),
      tracked_only_(tracked_only),
      rounds_(addresses_, families_, tracked_only),
      start_([this](const anonvma_truth_record& object) { tell(object); }) {}

template <class T>
bool Converter::read(std::span<const std::byte> bytes, T& record) {
  if (bytes.size() < sizeof record) {
    ++malformed_;
    return false;
  }
  std::memcpy(&record, bytes.data(), sizeof record);
  return true;
}

void Converter::record(std::span<const std::byte> bytes) {
  if (!ring_order_) return take(bytes);
  std::vector<std::byte> numbered(bytes.begin(), bytes.end());
  ring_order_->number(numbered);
  take(numbered);
}

void Converter::take(std::span<const std::byte> bytes) {
  const auto with = [&]<class T>(T record, auto handle) {
    if (read(bytes, record)) handle(record);
  };
  anonvma_record common;
  if (!read(bytes, common)) return;
  start_.follow(common);
  if (lossy_ && !addresses_.mm(common.mm)) drop_unborn(common);
  switch (common.kind) {
    case ANONVMA_OP:
      return with(anonvma_op_record{}, [&](auto& r) { on_op(r); });
    case ANONVMA_EXTRA:
      return on_write(common, 0);
    case ANONVMA_UNKNOWN:
      return with(anonvma_unknown_record{}, [&](auto& r) { on_write(r.head, r.syscall); });
    case ANONVMA_FORK:
      return with(anonvma_fork_record{}, [&](auto& r) { on_fork(r); });
    case ANONVMA_SHARED:
      return with(anonvma_fork_record{}, [&](auto& r) { on_shared(r); });
    case ANONVMA_EXEC_BEGIN:
      return with(anonvma_exec_begin_record{}, [&](auto& r) {
        (common.mm != 0 ? execs_[common.mm] : execs_of_[common.tid]) = addresses_.mm(r.old_mm);
      });
    case ANONVMA_EXEC_VMA:
      return with(anonvma_exec_vma_record{}, [&](auto& r) {
        auto& seen = seen_vmas_[common.tid];
        // Of an earlier look, whose end was lost.
        if (!seen.empty() && seen.back().start >= r.vma.start) seen.clear();
        seen.push_back(r.vma);
      });
    case ANONVMA_EXEC:
      return with(anonvma_exec_record{}, [&](auto& r) { on_exec(r); });
    case ANONVMA_SEEN:
      return with(anonvma_exec_record{}, [&](auto& r) { on_seen(r); });
    case ANONVMA_EXIT_TASK:
    case ANONVMA_EXIT_MMAP:
      return on_exit(common);
    case ANONVMA_GROW:
    case ANONVMA_FAULT:
      return with(anonvma_fault_record{}, [&](auto& r) { on_fault(r); });
    case ANONVMA_TOUCH:
      return with(anonvma_touch_record{}, [&](auto& r) { on_touch(r); });
    case ANONVMA_TRUTH:
      return with(anonvma_truth_record{}, [&](auto& r) { on_truth(r); });
    case ANONVMA_WALK:
      return with(anonvma_walk_record{}, [&](auto& r) { on_walk(r); });
    case ANONVMA_PLACE:
      return;
    default:
      ++malformed_;
  }
}

// The clock of a record reserved on another cpu may lie just before the start.
std::uint64_t Converter::since_start(std::uint64_t time_ns) const {
  return time_ns - std::min(time_ns, start_ns_);
}

EventHead Converter::head(const anonvma_record& r, MmId mm) const {
  return {since_start(r.time_ns), r.tid, mm, r.seq, r.map_count};
}

EventGroup Converter::group(const anonvma_record& r, MmId mm, EventBody body) const {
  return {{head(r, mm), std::move(body)}, {}};
}

// An address that is still in use lost its ExitMmap with the ring full: the old mm is gone. What
// else was lost there may have been the new one's.
MmId Converter::bear(std::uint64_t address, Tgid tgid, const anonvma_record& r,
                     std::uint32_t family) {
  if (const MmId old = addresses_.mm(address)) {
    if (start_.forget(address)) taken_back_.insert(old);
    order_.exit(old, group({r.time_ns, r.mm, 0, 0, r.tid, r.kind, r.cpu}, old, ExitMmap{}));
    const std::optional<std::uint32_t> lost = rounds_.take(address);
    retire(address, old, r.time_ns);
    if (lost) rounds_.put(address, *lost & ~(1u << ANONVMA_EXIT_MMAP));
  }
  orphans_.erase(address);
  const MmId mm = addresses_.bear_mm(address);
  tgids_[mm] = tgid;
  families_.add(mm, family);
  return mm;
}

void Converter::on_op(const anonvma_op_record& r) {
  start_.leave_fault(r.head.tid);
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) return;
  std::optional<EventBody> body = convert_syscall(r, addresses_, page_size_);
  if (!body) return order_.account(mm, r.head.seq);
  EventGroup event = group(r.head, mm, std::move(*body));
  if (r.head.seq % 2 == 1)
    order_.write(mm, r.head.seq, std::move(event));
  else
    order_.read(mm, r.head.seq, std::move(event));
}

void Converter::on_write(const anonvma_record& r, std::uint64_t syscall) {
  const MmId mm = addresses_.mm(r.mm);
  if (!mm) return;
  overlap_.forked(mm);  // a fork that failed ends here
  if (r.kind == ANONVMA_EXTRA)
    order_.account(mm, r.seq);
  else
    order_.write(mm, r.seq, group(r, mm, UnknownWrite{syscall}));
}

void Converter::on_fork(const anonvma_fork_record& r) {
  const MmId parent = addresses_.mm(r.head.mm);
  if (!parent || order_.covered(parent, r.head.seq)) return on_fork_unseen(r, parent);
  overlap_.forked(parent);
  const MmId child =
      bear(r.child_mm, {r.child_tgid, r.child_local_tgid}, r.head, families_.of(parent));
  rounds_.fork(parent, child);
  order_.fork(parent, r.head.seq, group(r.head, parent, Fork{child, r.child_tid}), child,
              r.child_seq);
  taint_newborn(r.child_mm, child, r.head, r.child_seq);
}

void Converter::on_shared(const anonvma_fork_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (mm) order_.read(mm, r.head.seq, group(r.head, mm, Shared{r.child_tid}));
}

bool Converter::may_have_begun_before(const anonvma_record& r) const {
  constexpr std::uint64_t kExecTakesNs = 10'000'000'000;
  return start_.was_opened() && since_start(r.time_ns) < kExecTakesNs;
}

// The old mm of an execve that was seen to begin.
std::optional<MmId> Converter::begun_exec(const anonvma_exec_record& r) {
  if (const auto by_mm = execs_.extract(r.head.mm); !by_mm.empty()) return by_mm.mapped();
  if (const auto by_tgid = execs_of_.extract(r.tgid); !by_tgid.empty()) return by_tgid.mapped();
  return std::nullopt;
}

void Converter::on_exec(const anonvma_exec_record& r) {
  const std::optional<MmId> begun = begun_exec(r);
  const auto objects = exec_objects_.extract(r.tgid);
  // Begun before the recording, which so has some of its objects only: it needs a walk.
  if (!begun && may_have_begun_before(r.head) && !addresses_.mm(r.head.mm)) {
    seen_vmas_.erase(r.head.tid);
    orphans_[r.head.mm] = r.tgid;
    return;
  }
  if (!objects.empty())
    for (const Event& object : objects.mapped()) order_.pass(object);
  // The old mm may have ended before, and its address may be another's: the begin record knows.
  MmId old_mm = begun ? *begun : addresses_.mm(r.old_mm);
  const MmId mm = bear(r.head.mm, {r.tgid, r.local_tgid}, r.head, families_.begin_one());
  EventGroup event = group(r.head, mm, Exec{old_mm});
  EventGroup seen = seen_by(r, event.first.head, SnapReason::exec);
  if (seen.rest.size() < r.nr_vmas || r.torn != 0) rounds_.suspect(r.head.mm, ANONVMA_EXEC_VMA);
  event.rest.push_back(std::move(seen.first));
  std::move(seen.rest.begin(), seen.rest.end(), std::back_inserter(event.rest));
  order_.exec(old_mm, std::move(event), mm, r.head.seq);
  rounds_.exec(mm);
  taint_newborn(r.head.mm, mm, r.head, r.head.seq);
}

void Converter::on_fault(const anonvma_fault_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) return start_.remember(r);
  start_.fault(r.head, r.addr);
  EventGroup event = group(r.head, mm, fault_of(r));
  if (r.head.kind == ANONVMA_GROW)
    order_.write(mm, r.head.seq, std::move(event));
  else
    order_.read(mm, r.head.seq, std::move(event));
}

void Converter::on_touch(const anonvma_touch_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) return;
  start_.fault(r.head, r.addr);
  order_.read(mm, r.head.seq, group(r.head, mm, Touch{r.addr, r.syscall, addresses_.mm(r.by)}));
}

void Converter::begin_attach() {
  start_.begin();
  rcu_vmas_.begin_start();
}

void Converter::end_attach() {
  start_.end();
  rcu_vmas_.end_start();
}

// What a task read of its own mm, just before.
EventGroup Converter::seen_by(const anonvma_exec_record& r, const EventHead& head,
                              SnapReason reason) {
  const auto vmas = seen_vmas_.extract(r.head.tid);
  const std::size_t all = vmas.empty() ? 0 : vmas.mapped().size();
  const std::size_t count = std::min<std::size_t>(all, r.nr_vmas);
  const std::size_t earlier = all - count;  // of a look that came to nothing
  const Comm comm = make_comm({r.comm, strnlen(r.comm, sizeof r.comm)});
  EventGroup event{{head, Snapshot{static_cast<std::uint64_t>(reason), count, r.def_flags, r.brk,
                                   r.tgid, comm.lo, comm.hi, r.start_brk,
                                   reason == SnapReason::exec ? MmId{} : addresses_.mm(r.old_mm)}},
                   {}};
  std::uint64_t end = 0;  // where records were lost an earlier look may show through
  for (std::size_t i = 0; i < count; ++i) {
    const anonvma_vma& vma = vmas.mapped()[earlier + i];
    if (vma.start >= std::exchange(end, std::max<std::uint64_t>(end, vma.end)))
      event.rest.push_back({head, snap_vma(vma)});
  }
  std::get<Snapshot>(event.first.body).nr_vmas = event.rest.size();
  return event;
}

void Converter::on_seen(const anonvma_exec_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) {
    seen_vmas_.erase(r.head.tid);
    return;
  }
  order_.read(mm, r.head.seq, seen_by(r, head(r.head, mm), static_cast<SnapReason>(r.reason)));
}

void Converter::on_exit(const anonvma_record& r) {
  const MmId mm = addresses_.mm(r.mm);
  if (r.kind == ANONVMA_EXIT_TASK) {
    seen_vmas_.erase(r.tid);
    if (mm) order_.read(mm, r.seq, group(r, mm, ExitTask{}));
    return;
  }
  execs_.erase(r.mm);
  orphans_.erase(r.mm);
  if (!mm) return;
  rounds_.exit(mm);
  order_.exit(mm, group(r, mm, ExitMmap{}));
  retire(r.mm, mm, r.time_ns);
}

void Converter::retire(std::uint64_t address, MmId mm, std::uint64_t time_ns) {
  rcu_vmas_.retired(address, mm, time_ns);
  addresses_.retire_mm(address);
  overlap_.exited(mm);
  tgids_.erase(mm);
  families_.remove(mm);
  rounds_.forget(address);
}

void Converter::on_truth(anonvma_truth_record r) {
  truth_ids_.correct_cache(r);
  const bool known = static_cast<bool>(addresses_.mm(r.head.mm));
  if (start_.is_open() && start_.holds(r, known)) return;
  if (r.waits) return on_vma(r);
  tell(r);
}

// One that the kernel frees behind a grace period, or in exit_mmap().
void Converter::on_vma(anonvma_truth_record r) {
  if (!r.freed) {
    rcu_vmas_.allocated(r);
    return tell(r);
  }
  const std::optional<RcuVmas::Owner> owner = rcu_vmas_.freed(r);
  if (!owner) {
    // Mapped by mms that lost records, it may not be known, which is a finding of theirs.
    if (r.site != ANONVMA_SITE_VMA_FREE_RCU) tell(r);
    return;
  }
  if (owner->gone) return tell(r, *owner->gone);
  if (owner->exec != 0 && !addresses_.mm(r.head.mm)) {  // the execve goes on
    r.in_exec = 1;
    r.head.tid = owner->exec;
  }
  tell(r);
}

void Converter::tell(const anonvma_truth_record& r) { tell(r, addresses_.mm(r.head.mm)); }

void Converter::tell(const anonvma_truth_record& r, MmId mm) {
  // Frees are not filtered by process: those of objects that are nobody's here are left out.
  if (r.freed && !mm && tracked_only_ && !truth_ids_.knows(r)) return;
  for (const auto& [of, step] : overlap_.on_object(mm, r, head(r.head, mm))) order_.step(of, step);
  const Event event{head(r.head, mm),
                    Truth{r.cache, r.site, truth_ids_.take(r), r.freed, r.in_exec}};
  if (r.in_exec && may_have_begun_before(r.head))
    exec_objects_[r.head.tid].push_back(event);  // until it is known whether all of them are
  else
    order_.pass(event);
}

void Converter::add_walk(std::uint64_t id, SnapReason reason, std::vector<WalkedMm> mms) {
  Walk& walk = walks_[id];
  walk.reason = reason;
  for (WalkedMm& mm : mms) {
    const std::uint64_t address = mm.head.mm;
    walk.mms.insert_or_assign(address, std::move(mm));
  }
}

// An execve fills it: one that was seen to begin, or one that is older than the recording and has
// not come to where the loader says where the heap is.
bool Converter::is_in_the_making(const anonvma_walk_vma& of) const {
  return of.start_brk == 0 || execs_.contains(of.mm);
}

void Converter::on_walk(const anonvma_walk_record& r) {
  const auto found = walks_.find(r.walk_id);
  if (found == walks_.end()) return;
  Walk& walk = found->second;
  const auto node = walk.mms.extract(r.head.mm);
  if (node.empty()) return;  // a second owner of the same mm
  WalkedMm& walked = node.mapped();
  if (ring_order_) walked.head.seq = r.head.seq;
  MmId mm = addresses_.mm(r.head.mm);
  const bool attach = walk.reason == SnapReason::attach;
  for (const auto& [of, step] : overlap_.all(head(r.head, {}))) order_.step(of, step);
  if (walk.reason == SnapReason::resync) return on_resync(r, walked);
  if (attach == static_cast<bool>(mm)) return;          // announced by now, or never announced
  if (attach && is_in_the_making(walked.head)) return;  // its Exec will
  if (attach) {
    note_vmas(walked);
    mm = bear(r.head.mm, {walked.head.tgid, walked.head.local_tgid}, r.head, 0);
  }
  const EventHead at{since_start(r.head.time_ns), r.head.tid, mm, walked.head.seq,
                     static_cast<std::uint32_t>(walked.vmas.size())};
  EventGroup event = snapshot(at, walked, walk.reason);
  if (!attach) return order_.read(mm, walked.head.seq, std::move(event));
  order_.attach(mm, walked.head.seq, std::move(event));
  for (const anonvma_fault_record& fault : start_.announce(r.head.mm, std::move(walked)))
    order_.read(mm, fault.head.seq, group(fault.head, mm, fault_of(fault)));
}

// For the vmas that come back a grace period late.
void Converter::note_vmas(const WalkedMm& walked) {
  std::unordered_set<std::uint64_t> vmas;
  for (const WalkedVma& vma : walked.vmas)
    if (vma.object != 0) vmas.insert(vma.object);
  if (!vmas.empty()) rcu_vmas_.shown(walked.head.mm, walked.head.tgid, vmas);
}

SnapVma Converter::snap_vma(const anonvma_vma& vma) {
  return {.start = vma.start,
          .end = vma.end,
          .vm_flags = vma.vm_flags,
          .pgoff = vma.pgoff,
          .file = addresses_.file(vma.file),
          .ops = vma.ops,
          .anon_vma = addresses_.anon_vma(vma.anon_vma),
          .nr_chain = 0,
          .policy = addresses_.merge_key(vma.policy),
          .context = addresses_.merge_key(vma.context)};
}

EventGroup Converter::snapshot(const EventHead& head, const WalkedMm& walked, SnapReason reason) {
  const anonvma_walk_vma& of = walked.head;
  const Comm comm = make_comm({of.comm, strnlen(of.comm, sizeof of.comm)});
  EventGroup event{{head, Snapshot{static_cast<std::uint64_t>(reason),
                                   walked.vmas.size(),
                                   of.def_flags,
                                   of.brk,
                                   of.tgid,
                                   comm.lo,
                                   comm.hi,
                                   {}}},
                   {}};
  for (const WalkedVma& walked_vma : walked.vmas) {
    SnapVma vma = snap_vma(walked_vma.vma);
    vma.nr_chain = walked_vma.chain.size();
    event.rest.push_back({head, vma});
    for (const anonvma_walk_avc& avc : walked_vma.chain)
      event.rest.push_back(
          {head, SnapChain{addresses_.anon_vma(avc.anon_vma), addresses_.anon_vma(avc.root),
                           addresses_.anon_vma(avc.parent), avc.num_children, avc.num_active_vmas,
                           avc.refcount}});
  }
  return event;
}

std::uint32_t Converter::local_tgid_of(MmId mm) const {
  const auto it = tgids_.find(mm);
  return it == tgids_.end() ? 0 : it->second.local;
}

}  // namespace anonvma
