// Losses while recording: told where they happened, and whoever lost records is read again.
#include <algorithm>
#include <cstring>
#include <utility>

#include "tracers/clock.h"
#include "tracers/recorder.h"

namespace anonvma {

void Recorder::on_record(std::span<const std::byte> bytes) {
  anonvma_gap_record gap;
  if (bytes.size() != sizeof gap) return converter_.record(bytes);
  std::memcpy(&gap, bytes.data(), sizeof gap);
  if (gap.head.kind != ANONVMA_GAP) return converter_.record(bytes);
  // Some of what the gap before told may have been lost here: it taints again.
  for (LostCount lost : std::exchange(ahead_, {})) {
    lost.count = 0;
    converter_.lost(lost, gap.head.time_ns);
  }
  tell_lost(gap.head.time_ns, gap.losses);
}

// Tells of what was lost since the last time, here, where losses stood at `losses`.
void Recorder::tell_lost(std::uint64_t now_ns, std::uint64_t losses) {
  const std::vector<LostCount> taken = feed_->take_lost(this);
  for (const LostCount& lost : taken) {
    counts_.lost += lost.count;
    converter_.lost(lost, now_ns);
  }
  if (loader_.losses() > losses) ahead_.insert(ahead_.end(), taken.begin(), taken.end());
}

// Runs of programs that the kernel skipped: nobody knows whose they were.
void Recorder::tell_missed() {
  missed_at_ = kernel_monotonic_ns();
  const Misses misses = loader_.recursion_misses();
  counts_.recursion_misses = misses.all() - misses_before_.all();
  if (misses.lost == missed_) return;
  const std::uint64_t count = misses.lost - std::exchange(missed_, misses.lost);
  counts_.lost += count;
  converter_.lost({ANONVMA_KINDS, 0, count, 0, true}, kernel_monotonic_ns());
}

// Reads whoever lost records again. Their snapshots leave together, so that they are one state of
// all who share anon_vmas; what happened behind each of them waits meanwhile.
Status Recorder::put_right() {
  round_at_ = kernel_monotonic_ns();
  in_round_ = true;
  in_set_ = false;
  converter_.begin_round();
  Status status = walk(0, SnapReason::resync, false);
  if (status) {
    converter_.alive(loader_.alive());
    status = drain();
  }
  converter_.end_round(kernel_monotonic_ns(),
                       [this](std::uint64_t address) { return loader_.lives(address); });
  end_round();
  // A family that never holds still would be read for ever.
  round_wait_ns_ =
      converter_.suspects() ? std::min(2 * round_wait_ns_, kMostRoundWait) : kRoundWait;
  return status;
}

void Recorder::on_event_of_round(const Event& event) {
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body))
    in_set_ = snapshot->reason == static_cast<std::uint64_t>(SnapReason::resync);
  else if (!is_snapshot_part(event.body))
    in_set_ = false;
  if (in_set_) {
    held_.insert(event.head.mm);
    return set_.push_back(event);
  }
  bool behind = held_.contains(event.head.mm);
  if (const auto* fork = std::get_if<Fork>(&event.body); fork != nullptr && behind)
    held_.insert(fork->child);
  if (const auto* exec = std::get_if<Exec>(&event.body);
      exec != nullptr && held_.contains(exec->old_mm)) {
    held_.insert(event.head.mm);
    behind = true;
  }
  if (const auto* lost = std::get_if<Lost>(&event.body);
      lost != nullptr && !event.head.mm && lost->unnamed == 0) {  // taints before and behind
    Event again = event;
    std::get<Lost>(again.body).count = 0;
    behind_.push_back(again);
  }
  if (behind)
    behind_.push_back(event);
  else
    deliver(event);
}

void Recorder::end_round() {
  in_round_ = false;
  held_.clear();
  // Two sets in a row would be taken for one.
  if (!set_.empty() && ends_in_set_)
    deliver({{set_.front().head.time_ns, 0, {}, 0, 0}, Lost{0, 0, 0, 1}});
  delivers_set_ = true;
  for (const Event& event : std::exchange(set_, {})) deliver(event);
  delivers_set_ = false;
  for (const Event& event : std::exchange(behind_, {})) deliver(event);
}

}  // namespace anonvma
