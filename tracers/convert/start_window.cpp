#include "tracers/convert/start_window.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace anonvma {
namespace {

// Does the walk show the vma at `addr` with an anon_vma? Nothing if it shows no vma there.
std::optional<bool> shown_faulted(const WalkedMm& walked, std::uint64_t addr) {
  const auto next =
      std::upper_bound(walked.vmas.begin(), walked.vmas.end(), addr,
                       [](std::uint64_t at, const WalkedVma& of) { return at < of.vma.start; });
  if (next == walked.vmas.begin() || addr >= std::prev(next)->vma.end) return std::nullopt;
  return std::prev(next)->vma.anon_vma != 0;
}

}  // namespace

void StartWindow::end() {
  while (!prepares_.empty()) settle(prepares_.begin()->first);
  open_ = false;
  early_.clear();
  walks_.clear();
  anon_vmas_.clear();
  in_walk_.clear();
  vmas_ = {};
}

bool StartWindow::hold(const Event& event) {
  if (!released_) events_.add(event);
  return !released_;
}

void StartWindow::release(const std::function<void(const Event&)>& sink) {
  released_ = true;
  events_.release([this](MmId mm) { return replaced_.contains(mm); }, sink);
}

bool StartWindow::hold_object(std::uint32_t tgid, const Event& object) {
  if (!may_be_older(object.head.time_ns)) return false;
  objects_[tgid].push_back(object);
  return true;
}

std::vector<Event> StartWindow::take_objects(std::uint32_t tgid) {
  auto found = objects_.extract(tgid);
  return found.empty() ? std::vector<Event>{} : std::move(found.mapped());
}

void StartWindow::remember(const anonvma_fault_record& r) {
  constexpr std::size_t kMost = 1u << 14;
  if (!open_ || r.head.kind != ANONVMA_FAULT) return;
  in_walk_[r.head.tid] = false;
  auto& faults = early_[r.head.mm];
  if (!faults.empty() && faults.back().head.seq != r.head.seq) faults.clear();
  if (faults.size() < kMost) faults.push_back(r);
}

// If no writer came in between, and the walk shows a vma without an anon_vma, the effect of the
// fault is still to come.
std::vector<anonvma_fault_record> StartWindow::announce(std::uint64_t address, WalkedMm walked) {
  std::vector<anonvma_fault_record> follow;
  if (!open_) return follow;
  if (const auto early = early_.extract(walked.head.mm); !early.empty())
    for (const anonvma_fault_record& r : early.mapped()) {
      if (r.head.seq == walked.head.seq && shown_faulted(walked, r.addr) == false)
        follow.push_back(r);
      if (in_walk_.contains(r.head.tid)) note(r.head, r.addr, walked);
    }
  for (const WalkedVma& vma : walked.vmas) anon_vmas_.insert(vma.vma.anon_vma);
  walks_.insert_or_assign(address, std::move(walked));
  return follow;
}

void StartWindow::fault(const anonvma_record& head, std::uint64_t addr) {
  if (const auto walk = walks_.find(head.mm); walk != walks_.end()) note(head, addr, walk->second);
}

void StartWindow::note(const anonvma_record& head, std::uint64_t addr, const WalkedMm& walked) {
  in_walk_[head.tid] = head.seq == walked.head.seq && shown_faulted(walked, addr) == true;
}

// A chain entry belongs to the start if its anon_vma does, which comes next. If the anon_vma is a
// neighbour's, the task's last fault decides.
bool StartWindow::holds(const anonvma_truth_record& r, bool known) {
  const bool anon_vma = r.cache == ANONVMA_CACHE_ANON_VMA;
  if (r.site != ANONVMA_SITE_PREPARE || r.freed || !known) {
    settle(r.head.tid);
    if (anon_vma && r.freed) anon_vmas_.erase(r.object);
    return false;
  }
  if (!anon_vma) {
    settle(r.head.tid);
    prepares_.emplace(r.head.tid, r);
    return true;
  }
  const bool seen = anon_vmas_.contains(r.object);
  if (const auto entry = prepares_.extract(r.head.tid); !entry.empty() && !seen)
    pass_(entry.mapped());
  return seen;
}

void StartWindow::settle(std::uint32_t tid) {
  const auto entry = prepares_.extract(tid);
  if (entry.empty()) return;
  const auto last = in_walk_.find(tid);
  if (last == in_walk_.end() || !last->second) pass_(entry.mapped());
}

}  // namespace anonvma
