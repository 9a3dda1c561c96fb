#include "engine/live/check.h"

#include <utility>
#include <variant>

namespace anonvma {

void WalkCounter::begin() {
  counts_ = true;
  of_walk_ = false;
  seen_ = {};
}

void WalkCounter::count(const Event& event) {
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) {
    of_walk_ = snapshot->reason == static_cast<std::uint64_t>(SnapReason::end);
    if (of_walk_) ++seen_.mms;
  } else if (of_walk_ && std::holds_alternative<SnapVma>(event.body)) {
    ++seen_.vmas;
  } else if (const auto* chain = std::get_if<SnapChain>(&event.body); of_walk_ && chain) {
    ++seen_.chain_entries;
    anon_vmas_.insert(chain->anon_vma.v);
  }
}

LiveWalk WalkCounter::end() {
  counts_ = false;
  LiveWalk seen = std::exchange(seen_, {});
  seen.anon_vmas = std::exchange(anon_vmas_, {}).size();
  return seen;
}

void compared_between(const LiveVerified& before, const LiveVerified& after, LiveCheck& check) {
  check.vmas = after.vmas - before.vmas;
  check.vmas_differ = after.vmas_differ - before.vmas_differ;
  check.chain_entries = after.chain_entries - before.chain_entries;
  check.chain_entries_differ = after.chain_entries_differ - before.chain_entries_differ;
}

}  // namespace anonvma
