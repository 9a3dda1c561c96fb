#include "engine/look/lives.h"

#include <fmt/format.h>

#include <array>

namespace anonvma {

const MmLife* Lives::find(MmId mm) const {
  const auto found = index_of_.find(mm);
  return found == index_of_.end() ? nullptr : &lives_[found->second];
}

std::string Lives::comm(MmId mm) const {
  const MmLife* const life = find(mm);
  return life == nullptr ? std::string() : life->comm;
}

std::string mm_label(MmId mm, const std::string& comm) {
  return comm.empty() ? fmt::format("mm {}", mm.v) : fmt::format("mm {} ({})", mm.v, comm);
}

std::string MmNames::comm(MmId mm) const {
  const auto found = comms_.find(mm);
  return found == comms_.end() ? std::string() : found->second;
}
std::string MmNames::label(MmId mm) const { return mm_label(mm, comm(mm)); }

std::vector<const MmLife*> Lives::all() const {
  std::vector<const MmLife*> all;
  for (const MmLife& life : lives_) all.push_back(&life);
  return all;
}

// The first birth of an id counts: a second one can only be damage.
MmLife& Lives::born(MmId mm, Birth birth, const EventHead& head, std::uint64_t index) {
  const auto [place, fresh] = index_of_.try_emplace(mm, lives_.size());
  if (fresh)
    lives_.push_back({.mm = mm, .birth = birth, .born_event = index, .born_ns = head.time_ns});
  return lives_[place->second];
}

void Lives::ended(MmId mm, const EventHead& head, std::uint64_t index) {
  const auto found = index_of_.find(mm);
  if (found == index_of_.end()) return;
  MmLife& life = lives_[found->second];
  if (life.end_event != MmLife::kAlive) return;
  life.end_event = index;
  life.end_ns = head.time_ns;
}

void Lives::show(const Event& event, const Snapshot& snapshot, std::uint64_t index) {
  const auto reason = static_cast<SnapReason>(snapshot.reason);
  if (reason != SnapReason::attach && reason != SnapReason::exec && reason != SnapReason::resync)
    return;
  const Birth birth = reason == SnapReason::attach ? Birth::start : Birth::found;
  MmLife& life = born(event.head.mm, birth, event.head, index);
  if (snapshot.tgid != 0) life.tgid = snapshot.tgid;
  // Early recorders did not read start_brk. An exec has no heap yet.
  life.start_brk = snapshot.start_brk;
  if (life.start_brk == 0 && reason == SnapReason::exec) life.start_brk = snapshot.brk;
  std::array<char, 16> storage{};
  life.comm = comm_view({snapshot.comm_lo, snapshot.comm_hi}, storage);
}

void Lives::fork(const Event& event, const Fork& fork, std::uint64_t index) {
  const MmLife* const parent = find(event.head.mm);
  const MmLife inherited = parent != nullptr ? *parent : MmLife{};
  MmLife& child = born(fork.child, Birth::fork, event.head, index);
  child.from = event.head.mm;
  child.tgid = fork.child_tid;
  child.comm = inherited.comm;
  child.start_brk = inherited.start_brk;
}

void Lives::apply(const Event& event, std::uint64_t index) {
  const MmId mm = event.head.mm;
  if (const auto* of_fork = std::get_if<Fork>(&event.body))
    fork(event, *of_fork, index);
  else if (const auto* exec = std::get_if<Exec>(&event.body))
    born(mm, Birth::exec, event.head, index).from = exec->old_mm;
  else if (const auto* snapshot = std::get_if<Snapshot>(&event.body))
    show(event, *snapshot, index);
  else if (const auto* step = std::get_if<Step>(&event.body); step != nullptr && step->unlinked > 0)
    ended(mm, event.head, index);
  else if (std::holds_alternative<ExitMmap>(event.body))
    ended(mm, event.head, index);
  else if (std::holds_alternative<ExitTask>(event.body) && event.head.map_count != 0)
    ended(mm, event.head, index);
}

}  // namespace anonvma
