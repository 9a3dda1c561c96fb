#include "tracers/convert/convert.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include "engine/trace/texts.h"
#include "tracers/convert/syscall.h"

namespace anonvma {
namespace {

Fault fault_of(const anonvma_fault_record& r) {
  constexpr std::uint64_t kFlags = 4095;  // no machine has smaller pages
  return {r.addr & ~kFlags, r.addr & kFlags};
}

}  // namespace

Converter::Converter(Order& order, std::uint64_t page_size, bool tracked_only)
    : order_(order),
      page_size_(page_size),
      rounds_(addresses_, families_, tracked_only),
      start_([this](const anonvma_truth_record& object) { truth_.pass(object); }),
      truth_({order, addresses_, start_, heads_}, tracked_only) {}

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
  if (unborn_.expected() && !addresses_.mm(common.mm)) drop_unborn(common);
  switch (static_cast<anonvma_kind>(common.kind)) {
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
      return with(anonvma_exec_begin_record{},
                  [&](auto& r) { execs_.begin(common.mm, common.tid, addresses_.mm(r.old_mm)); });
    case ANONVMA_EXEC_VMA:
      return with(anonvma_exec_vma_record{},
                  [&](auto& r) { snapshots_.add_vma(common.tid, r.vma); });
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
    case ANONVMA_NEW_ANON_VMA:
      return with(anonvma_touch_record{}, [&](auto& r) { on_new_anon_vma(r); });
    case ANONVMA_TRUTH:
      return with(anonvma_truth_record{}, [&](auto& r) { truth_.take(r); });
    case ANONVMA_WALK:
      return with(anonvma_walk_record{}, [&](auto& r) { on_walk(r); });
    case ANONVMA_NAME:
      return with(anonvma_name_record{}, [&](auto& r) { on_name(r); });
    case ANONVMA_CGROUP:
      return with(anonvma_cgroup_record{}, [&](auto& r) { on_cgroup(r); });
    case ANONVMA_PLACE:
      return;
    case ANONVMA_GAP:  // the recorder takes these
    case ANONVMA_KINDS:
      break;
  }
  ++malformed_;
}

// If the address is still in use, the ring was full and the old mm's ExitMmap was lost: the old mm
// has ended. Any other record that was lost at this address may have been the new mm's.
MmId Converter::bear(std::uint64_t address, Tgid tgid, const anonvma_record& r,
                     std::uint32_t family) {
  if (const MmId old = addresses_.mm(address)) {
    start_.replace(address, old);
    order_.exit(old, heads_.group({r.time_ns, r.mm, 0, 0, r.tid, r.kind, r.cpu}, old, ExitMmap{}));
    const std::optional<std::uint32_t> lost = rounds_.take(address);
    retire(address, old, r.time_ns);
    if (lost) rounds_.put(address, *lost & ~(1u << ANONVMA_EXIT_MMAP));
  }
  processes_.forget_orphan(address);
  const MmId mm = addresses_.bear_mm(address);
  processes_.add(mm, tgid);
  families_.add(mm, family);
  return mm;
}

void Converter::on_op(const anonvma_op_record& r) {
  start_.leave_fault(r.head.tid);
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) return;
  std::optional<EventBody> body = convert_syscall(r, addresses_, page_size_);
  if (!body) return order_.account(mm, r.head.seq);
  EventGroup event = heads_.group(r.head, mm, *body);
  if (r.head.seq % 2 == 1)
    order_.write(mm, r.head.seq, std::move(event));
  else
    order_.read(mm, r.head.seq, std::move(event));
}

void Converter::on_write(const anonvma_record& r, std::uint64_t syscall) {
  const MmId mm = addresses_.mm(r.mm);
  if (!mm) return;
  truth_.forked(mm);  // a fork that failed ends here
  if (r.kind == ANONVMA_EXTRA)
    order_.account(mm, r.seq);
  else
    order_.write(mm, r.seq, heads_.group(r, mm, UnknownWrite{syscall}));
}

void Converter::on_fork(const anonvma_fork_record& r) {
  const MmId parent = addresses_.mm(r.head.mm);
  if (!parent || order_.covered(parent, r.head.seq)) return on_fork_unseen(r, parent);
  truth_.forked(parent);
  const MmId child =
      bear(r.child_mm, {r.child_tgid, r.child_local_tgid}, r.head, families_.of(parent));
  rounds_.fork(parent, child);
  cgroups_.fork(parent, child);
  order_.fork(parent, r.head.seq, heads_.group(r.head, parent, Fork{child, r.child_tid}), child,
              r.child_seq);
  taint_newborn(r.child_mm, child, r.head, r.child_seq);
}

void Converter::on_shared(const anonvma_fork_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (mm) order_.read(mm, r.head.seq, heads_.group(r.head, mm, Shared{r.child_tid}));
}

void Converter::on_exec(const anonvma_exec_record& r) {
  const std::optional<MmId> begun = execs_.end(r);
  const std::vector<Event> objects = start_.take_objects(r.tgid);
  // If the call is older than the recording, only some of its objects were seen: the mm needs a
  // walk.
  if (!begun && start_.may_be_older(heads_.since_start(r.head.time_ns)) &&
      !addresses_.mm(r.head.mm)) {
    snapshots_.forget_vmas(r.head.tid);
    processes_.add_orphan(r.head.mm, r.tgid);
    return;
  }
  for (const Event& object : objects) order_.pass(object);
  // The old mm may have ended, and its address may be another mm's. The begin record tells the old
  // mm.
  MmId old_mm = begun ? *begun : addresses_.mm(r.old_mm);
  const MmId mm = bear(r.head.mm, {r.tgid, r.local_tgid}, r.head, families_.begin_one());
  EventGroup event = heads_.group(r.head, mm, Exec{old_mm});
  EventGroup seen = snapshots_.of_reading(r, event.first.head, SnapReason::exec);
  if (seen.rest.size() < r.nr_vmas || r.torn != 0) rounds_.suspect(r.head.mm, ANONVMA_EXEC_VMA);
  event.rest.push_back(seen.first);
  std::move(seen.rest.begin(), seen.rest.end(), std::back_inserter(event.rest));
  order_.exec(old_mm, std::move(event), mm, r.head.seq);
  rounds_.exec(mm);
  taint_newborn(r.head.mm, mm, r.head, r.head.seq);
}

void Converter::on_fault(const anonvma_fault_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) return start_.remember(r);
  start_.fault(r.head, r.addr);
  EventGroup event = heads_.group(r.head, mm, fault_of(r));
  if (r.head.kind == ANONVMA_GROW)
    order_.write(mm, r.head.seq, std::move(event));
  else
    order_.read(mm, r.head.seq, std::move(event));
}

void Converter::on_touch(const anonvma_touch_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) return;
  start_.fault(r.head, r.addr);
  order_.read(mm, r.head.seq,
              heads_.group(r.head, mm, Touch{r.addr, r.syscall, addresses_.mm(r.by)}));
}

void Converter::on_new_anon_vma(const anonvma_touch_record& r) {
  if (const MmId mm = addresses_.mm(r.head.mm))
    order_.read(mm, r.head.seq, heads_.group(r.head, mm, NewAnonVma{r.addr}));
}

void Converter::on_seen(const anonvma_exec_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) {
    snapshots_.forget_vmas(r.head.tid);
    return;
  }
  order_.read(mm, r.head.seq,
              snapshots_.of_reading(r, heads_.head(r.head, mm), static_cast<SnapReason>(r.reason)));
}

void Converter::on_exit(const anonvma_record& r) {
  const MmId mm = addresses_.mm(r.mm);
  if (r.kind == ANONVMA_EXIT_TASK) {
    snapshots_.forget_vmas(r.tid);
    if (mm) order_.read(mm, r.seq, heads_.group(r, mm, ExitTask{}));
    return;
  }
  execs_.forget(r.mm);
  processes_.forget_orphan(r.mm);
  if (!mm) return;
  rounds_.exit(mm);
  order_.exit(mm, heads_.group(r, mm, ExitMmap{}));
  retire(r.mm, mm, r.time_ns);
}

void Converter::retire(std::uint64_t address, MmId mm, std::uint64_t time_ns) {
  truth_.retire(address, mm, time_ns);
  addresses_.retire_mm(address);
  processes_.remove(mm);
  families_.remove(mm);
  cgroups_.remove(mm);
  rounds_.forget(address);
}

// The programs may send a text more than once.
void Converter::on_name(const anonvma_name_record& r) {
  const std::uint64_t id = addresses_.vma_name(r.name);
  if (!sent_names_.insert(id).second) return;
  const std::string_view text(r.text, strnlen(r.text, sizeof r.text));
  for (const Text& piece : text_pieces(TextKind::vma_name, id, text))
    order_.pass({{heads_.since_start(r.head.time_ns), r.head.tid, {}, 0, 0}, piece});
}

// True if an execve fills the mm: a call whose begin was recorded, or a call that is older than the
// recording and whose loader has not set the heap yet.
bool Converter::is_in_the_making(const anonvma_walk_vma& of) const {
  return of.start_brk == 0 || execs_.fills(of.mm);
}

void Converter::on_walk(const anonvma_walk_record& r) {
  std::optional<OpenWalks::Reached> reached = walks_.reach(r.walk_id, r.head.mm);
  if (!reached) return;
  WalkedMm& walked = reached->mm;
  if (ring_order_) walked.head.seq = r.head.seq;
  MmId mm = addresses_.mm(r.head.mm);
  const bool attach = reached->reason == SnapReason::attach;
  truth_.flush_steps(heads_.head(r.head, {}));
  if (reached->reason == SnapReason::resync) return on_resync(r, walked);
  if (attach == static_cast<bool>(mm)) return;          // announced by now, or never announced
  if (attach && is_in_the_making(walked.head)) return;  // its Exec will announce it
  if (attach) {
    truth_.announce(walked);
    mm = bear(r.head.mm, {walked.head.tgid, walked.head.local_tgid}, r.head, 0);
  }
  const EventHead at{heads_.since_start(r.head.time_ns), r.head.tid, mm, walked.head.seq,
                     static_cast<std::uint32_t>(walked.vmas.size())};
  EventGroup event = snapshots_.of_walk(walked, at, reached->reason);
  if (!attach) return order_.read(mm, walked.head.seq, std::move(event));
  order_.attach(mm, walked.head.seq, std::move(event));
  for (const anonvma_fault_record& fault : start_.announce(r.head.mm, std::move(walked)))
    order_.read(mm, fault.head.seq, heads_.group(fault.head, mm, fault_of(fault)));
}

void Converter::on_cgroup(const anonvma_cgroup_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm && r.joins != 0 && r.local_tgid != 0) newcomers_.insert(r.local_tgid);
  if (!mm || r.cgroup == 0) return;
  const Cgroups::Known cgroup = cgroups_.find(r.cgroup);
  const EventHead at{heads_.since_start(r.head.time_ns), r.head.tid, {}, 0, 0};
  for (const Text& piece : cgroup.pieces) order_.pass({at, piece});
  if (cgroups_.enters(mm, cgroup.id))
    order_.read(mm, r.head.seq, heads_.group(r.head, mm, InCgroup{cgroup.id}));
}

}  // namespace anonvma
