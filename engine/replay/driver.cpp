#include "engine/replay/driver.h"

#include <utility>

namespace anonvma {
namespace {
constexpr std::uint64_t kPartBytes = 320;  // a part of a snapshot, for the budget
}  // namespace

void Driver::apply(const MmSnapshot& snapshot) {
  const OpEffect effect = spaces_.apply(snapshot);
  if (verifier_ != nullptr) verifier_->taken(snapshot, effect);
}

void Driver::apply(const SnapshotSet& set) {
  spaces_.apply(set);
  if (verifier_ != nullptr) verifier_->taken(set);
}

void Driver::apply_in_full(const Event& event, std::uint64_t index) {
  if (const auto* truth = std::get_if<Truth>(&event.body)) {
    if (verifier_ != nullptr) verifier_->kernel_object(event.head, *truth);
    return;
  }
  // A text may stand between the snapshots of one state.
  if (std::holds_alternative<Text>(event.body)) return;
  const bool part = collector_.collect(event, index, [this](const auto& over) { apply(over); });
  if (part) {
    ++parts_;
    slab_.holds(kPartBytes);
    slab_.worked(1);
    return;
  }
  slab_.drops(std::exchange(parts_, 0) * kPartBytes);
  if (spaces_.abandon_fork_before(event.head, index) && verifier_ != nullptr)
    verifier_->fork_abandoned(event.head.mm);
  const OpEffect effect = spaces_.apply(event, index);
  if (verifier_ != nullptr) verifier_->settled(event, index, effect);
}

// An exec that the end of the trace cuts off is not compared: the kernel has not finished it.
void Driver::finish() {
  collector_.finish(overloaded{[this](const MmSnapshot& snapshot) { spaces_.apply(snapshot); },
                               [this](const SnapshotSet& set) { apply(set); }});
  slab_.drops(std::exchange(parts_, 0) * kPartBytes);
}

Verdict Driver::verdict() {
  finish();
  verifier_->settle_late();
  spaces_.abandon_forks();
  return verifier_->finish();
}

}  // namespace anonvma
