#include "tracers/convert/truth_lane.h"

#include <optional>
#include <unordered_set>

namespace anonvma {

void TruthLane::take(anonvma_truth_record r) {
  ids_.correct_cache(r);
  const bool known = static_cast<bool>(parts_.addresses.mm(r.head.mm));
  if (parts_.start.is_open() && parts_.start.holds(r, known)) return;
  if (r.waits) return on_vma(r);
  pass(r);
}

// A vma that the kernel frees after a grace period, or in exit_mmap().
void TruthLane::on_vma(anonvma_truth_record r) {
  if (!r.freed) {
    rcu_vmas_.allocated(r);
    parts_.start.allocated(r.object);
    return pass(r);
  }
  const std::optional<RcuVmas::Owner> owner = rcu_vmas_.freed(r);
  if (!owner) {
    // The vma may be unknown because its mm lost records. Without a grace period the free names the
    // mm.
    if (r.site != ANONVMA_SITE_VMA_FREE_RCU) pass(r);
    return;
  }
  if (owner->gone) return pass(r, *owner->gone);
  if (owner->exec != 0 && !parts_.addresses.mm(r.head.mm)) {  // the execve goes on
    r.in_exec = 1;
    r.head.tid = owner->exec;
  }
  pass(r);
}

void TruthLane::pass(const anonvma_truth_record& r) { pass(r, parts_.addresses.mm(r.head.mm)); }

void TruthLane::pass(const anonvma_truth_record& r, MmId mm) {
  // The hook sees the frees of every process. Objects of processes that are not recorded are left out. A
  // recorded process may free their anon_vmas, too, as when it writes to /sys/kernel/mm/ksm/run.
  const bool may_be_of_others = !mm || r.cache == ANONVMA_CACHE_ANON_VMA;
  if (r.freed && may_be_of_others && tracked_only_ && !ids_.knows(r)) return;
  const EventHead head = parts_.heads.head(r.head, mm);
  for (const auto& [of, step] : overlap_.on_object(mm, r, head)) parts_.order.step(of, step);
  const Event event{head, Truth{r.cache, r.site, ids_.take(r), r.freed, r.in_exec}};
  if (!r.in_exec || !parts_.start.hold_object(r.head.tid, event)) parts_.order.pass(event);
}

void TruthLane::announce(const WalkedMm& walked) {
  std::unordered_set<std::uint64_t> vmas;
  for (const WalkedVma& vma : walked.vmas)
    if (vma.object != 0) vmas.insert(vma.object);
  if (!vmas.empty()) rcu_vmas_.shown(walked.head.mm, walked.head.tgid, vmas, parts_.start.vmas());
}

void TruthLane::flush_steps(const EventHead& head) {
  for (const auto& [of, step] : overlap_.all(head)) parts_.order.step(of, step);
}

void TruthLane::retire(std::uint64_t address, MmId mm, std::uint64_t time_ns) {
  rcu_vmas_.retired(address, mm, time_ns);
  overlap_.exited(mm);
}

}  // namespace anonvma
