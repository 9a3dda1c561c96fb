// Faults, and what a walk that they do not wait for makes of them.
#include <algorithm>
#include <iterator>
#include <optional>

#include "tracers/convert/convert.h"

namespace anonvma {
namespace {

Fault fault_of(const anonvma_fault_record& r) {
  constexpr std::uint64_t kFlags = 4095;  // pages are no smaller anywhere
  return {r.addr & ~kFlags, r.addr & kFlags};
}

}  // namespace

void Converter::on_fault(const anonvma_fault_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) return remember(r);
  note_fault(r.head, r.addr);
  EventGroup event = group(r.head, mm, fault_of(r));
  if (r.head.kind == ANONVMA_GROW)
    order_.write(mm, r.head.seq, std::move(event));
  else
    order_.read(mm, r.head.seq, std::move(event));
}

void Converter::on_touch(const anonvma_touch_record& r) {
  const MmId mm = addresses_.mm(r.head.mm);
  if (!mm) return;
  note_fault(r.head, r.addr);
  order_.read(mm, r.head.seq, group(r.head, mm, Touch{r.addr, r.syscall, addresses_.mm(r.by)}));
}

void Converter::remember(const anonvma_fault_record& r) {
  constexpr std::size_t kMost = 1u << 14;
  if (!attaching_ || r.head.kind != ANONVMA_FAULT) return;
  in_walk_[r.head.tid] = false;
  auto& faults = early_faults_[r.head.mm];
  if (!faults.empty() && faults.back().head.seq != r.head.seq) faults.clear();
  if (faults.size() < kMost) faults.push_back(r);
}

void Converter::end_attach() {
  while (!prepares_.empty()) settle(prepares_.begin()->first);
  attaching_ = false;
  early_faults_.clear();
  start_walks_.clear();
  start_anon_vmas_.clear();
  rcu_vmas_.end_start();
  in_walk_.clear();
}

namespace {

// Does the walk show the vma at `addr` with an anon_vma? Nothing when it shows none there.
std::optional<bool> shown_faulted(const WalkedMm& walked, std::uint64_t addr) {
  const auto next =
      std::upper_bound(walked.vmas.begin(), walked.vmas.end(), addr,
                       [](std::uint64_t at, const WalkedVma& of) { return at < of.vma.start; });
  if (next == walked.vmas.begin() || addr >= std::prev(next)->vma.end) return std::nullopt;
  return std::prev(next)->vma.anon_vma != 0;
}

}  // namespace

// A fault is recorded at its exception, and may be handled after the walk has read the vma: that
// this had no anon_vma then tells, when no writer came in between. Its effect is still to come.
void Converter::faults_behind(MmId mm, const WalkedMm& walked) {
  const auto early = early_faults_.extract(walked.head.mm);
  if (early.empty()) return;
  for (const anonvma_fault_record& r : early.mapped()) {
    if (r.head.seq == walked.head.seq && shown_faulted(walked, r.addr) == false)
      order_.read(mm, r.head.seq, group(r.head, mm, fault_of(r)));
    if (in_walk_.contains(r.head.tid)) note_fault(r.head, r.addr, walked);
  }
}

void Converter::note_fault(const anonvma_record& head, std::uint64_t addr) {
  if (const auto walk = start_walks_.find(head.mm); walk != start_walks_.end())
    note_fault(head, addr, walk->second);
}

void Converter::note_fault(const anonvma_record& head, std::uint64_t addr, const WalkedMm& walked) {
  in_walk_[head.tid] = head.seq == walked.head.seq && shown_faulted(walked, addr) == true;
}

// Objects that the walk has read after its record belong to the start. Of a chain entry only its
// anon_vma tells, which comes next, or, when that is a neighbour's, the fault before it.
bool Converter::is_in_walk(const anonvma_truth_record& r, MmId mm) {
  const bool anon_vma = r.cache == ANONVMA_CACHE_ANON_VMA;
  if (r.site != ANONVMA_SITE_PREPARE || r.freed || !mm) {
    settle(r.head.tid);
    if (anon_vma && r.freed) start_anon_vmas_.erase(r.object);
    return false;
  }
  if (!anon_vma) {
    settle(r.head.tid);
    prepares_.emplace(r.head.tid, r);
    return true;
  }
  const bool seen = start_anon_vmas_.contains(r.object);
  if (const auto entry = prepares_.extract(r.head.tid); !entry.empty() && !seen)
    tell(entry.mapped());
  return seen;
}

void Converter::settle(std::uint32_t tid) {
  const auto entry = prepares_.extract(tid);
  if (entry.empty()) return;
  const auto last = in_walk_.find(tid);
  if (last == in_walk_.end() || !last->second) tell(entry.mapped());
}

}  // namespace anonvma
