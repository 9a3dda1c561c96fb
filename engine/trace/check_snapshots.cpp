// Checks of snapshots: announced events follow at once, and do not contradict each other.
#include <fmt/format.h>

#include "engine/trace/check_events.h"

namespace anonvma {

void EventCheck::end_group(std::string_view why) {
  if (exec_)
    find(FindingKind::snapshot, fmt::format("{} instead of the snapshot of an exec", why));
  else
    find(FindingKind::snapshot,
         fmt::format("{} where {} mappings and {} chain entries were announced", why, vmas_left_,
                     chains_left_));
  exec_ = in_group_ = false;
}

void EventCheck::check_group(const Event& event) {
  const EventType type = type_of(event.body);
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body))
    return begin_snapshot(event, *snapshot);
  if (exec_) end_group(name_of(type));
  if (const auto* exec = std::get_if<Exec>(&event.body); exec != nullptr) {
    if (in_group_) end_group(name_of(type));
    exec_ = true;
    exec_mm_ = event.head.mm;
    return;
  }
  if (!is_snapshot_part(event.body)) {
    if (in_group_) end_group(name_of(type));
    return;
  }
  if (!in_group_)
    return find(FindingKind::snapshot, fmt::format("{} of no snapshot", name_of(type)));
  if (event.head.mm != group_mm_) return end_group(fmt::format("{} of another mm", name_of(type)));
  const auto* vma = std::get_if<SnapVma>(&event.body);
  if ((vma != nullptr) != (chains_left_ == 0)) return end_group(name_of(type));
  if (vma != nullptr)
    check_vma(*vma);
  else
    check_chain(std::get<SnapChain>(event.body));
  in_group_ = vmas_left_ != 0 || chains_left_ != 0;
}

void EventCheck::begin_snapshot(const Event& event, const Snapshot& snapshot) {
  if (in_group_) end_group("another snapshot");
  const bool of_exec = snapshot.reason == static_cast<std::uint64_t>(SnapReason::exec);
  if (exec_ != of_exec || (exec_ && exec_mm_ != event.head.mm)) {
    if (exec_)
      end_group("another snapshot");
    else
      find(FindingKind::snapshot, "a snapshot of reason exec without an exec event");
  }
  exec_ = false;
  group_mm_ = event.head.mm;
  vmas_left_ = snapshot.nr_vmas;
  chains_left_ = vma_end_ = 0;
  links_.clear();
  roots_.clear();
  own_ = {};
  in_group_ = vmas_left_ != 0;
}

void EventCheck::check_vma(const SnapVma& vma) {
  --vmas_left_;
  check_page("start", vma.start);
  check_page("end", vma.end);
  if (vma.start >= vma.end || vma.start < vma_end_)
    find(FindingKind::vma_order, fmt::format("mapping {:#x}-{:#x} after one that ends at {:#x}",
                                             vma.start, vma.end, vma_end_));
  vma_end_ = vma.end;
  chains_left_ = vma.nr_chain;
  own_ = vma.nr_chain != 0 ? vma.anon_vma : AnonVmaId{};
}

// A snapshot shows one mm at one moment, so two chain entries of one anon_vma must agree.
void EventCheck::check_chain(const SnapChain& chain) {
  const auto complain = [&](std::string_view what) {
    find(FindingKind::chain, fmt::format("anon_vma {}: {}", chain.anon_vma.v, what));
  };
  --chains_left_;
  if (!chain.anon_vma) return complain("an entry links to none");
  if (chain.root == chain.anon_vma && chain.parent && chain.parent != chain.anon_vma)
    complain("a root has another parent than itself");
  const auto [seen, first] = links_.try_emplace(chain.anon_vma, chain);
  if (!first && (seen->second.root != chain.root || seen->second.parent != chain.parent))
    complain("two entries say different roots or parents");
  roots_.insert(chain.root);
  if (chain.root != chain.anon_vma && roots_.contains(chain.anon_vma))
    complain("another entry says it is a root");
  const auto root_of = [this](AnonVmaId id) -> std::optional<AnonVmaId> {
    const auto link = links_.find(id);
    if (link == links_.end()) return std::nullopt;
    return link->second.root;
  };
  if (root_of(chain.root).value_or(chain.root) != chain.root) complain("its root is no root");
  if (root_of(chain.parent).value_or(chain.root) != chain.root)
    complain("its parent has another root");
  if (chain.anon_vma == own_) own_ = {};
  if (chains_left_ == 0) end_chain();
}

void EventCheck::end_chain() {
  if (own_)
    find(FindingKind::chain,
         fmt::format("a mapping's own anon_vma {} is not among its entries", own_.v));
  own_ = {};
}

}  // namespace anonvma
