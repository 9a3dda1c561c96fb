#include "engine/trace/check_snapshots.h"

#include <fmt/format.h>

#include <optional>

namespace anonvma {

void SnapshotCheck::give_up(std::string_view why) {
  if (awaited_)
    findings_.find(FindingKind::snapshot,
                   fmt::format("{} instead of the snapshot of an exec", why));
  else
    findings_.find(FindingKind::snapshot,
                   fmt::format("{} where {} mappings and {} chain entries were announced", why,
                               vmas_left_, chains_left_));
  awaited_ = in_snapshot_ = false;
}

void SnapshotCheck::end(std::string_view why) {
  if (in_snapshot_ || awaited_) give_up(why);
}

void SnapshotCheck::apply(const Event& event) {
  const EventType type = type_of(event.body);
  if (const auto* snapshot = std::get_if<Snapshot>(&event.body)) return begin(event, *snapshot);
  if (awaited_) give_up(name_of(type));
  if (is_snapshot_part(event.body)) return check_part(event);
  if (in_snapshot_) give_up(name_of(type));
  if (!std::holds_alternative<Exec>(event.body)) return;
  awaited_ = true;
  exec_mm_ = event.head.mm;
}

void SnapshotCheck::check_part(const Event& event) {
  const EventType type = type_of(event.body);
  if (!in_snapshot_)
    return findings_.find(FindingKind::snapshot, fmt::format("{} of no snapshot", name_of(type)));
  if (event.head.mm != mm_) return give_up(fmt::format("{} of another mm", name_of(type)));
  const auto* vma = std::get_if<SnapVma>(&event.body);
  if ((vma != nullptr) != (chains_left_ == 0)) return give_up(name_of(type));
  if (vma != nullptr)
    check_vma(*vma);
  else
    check_chain(std::get<SnapChain>(event.body));
  in_snapshot_ = vmas_left_ != 0 || chains_left_ != 0;
}

void SnapshotCheck::begin(const Event& event, const Snapshot& snapshot) {
  if (in_snapshot_) give_up("another snapshot");
  const bool of_exec = snapshot.reason == static_cast<std::uint64_t>(SnapReason::exec);
  if (awaited_ != of_exec || (awaited_ && exec_mm_ != event.head.mm)) {
    if (awaited_)
      give_up("another snapshot");
    else
      findings_.find(FindingKind::snapshot, "a snapshot of reason exec without an exec event");
  }
  awaited_ = false;
  mm_ = event.head.mm;
  vmas_left_ = snapshot.nr_vmas;
  chains_left_ = vma_end_ = 0;
  links_.clear();
  roots_.clear();
  own_ = {};
  in_snapshot_ = vmas_left_ != 0;
}

void SnapshotCheck::check_vma(const SnapVma& vma) {
  --vmas_left_;
  findings_.check_page("start", vma.start);
  findings_.check_page("end", vma.end);
  if (vma.start >= vma.end || vma.start < vma_end_)
    findings_.find(FindingKind::vma_order,
                   fmt::format("mapping {:#x}-{:#x} after one that ends at {:#x}", vma.start,
                               vma.end, vma_end_));
  vma_end_ = vma.end;
  chains_left_ = vma.nr_chain;
  own_ = vma.nr_chain != 0 ? vma.anon_vma : AnonVmaId{};
}

// A snapshot of one mm is of one moment, so two chain entries of one anon_vma agree.
void SnapshotCheck::check_chain(const SnapChain& chain) {
  const auto complain = [&](std::string_view what) {
    findings_.find(FindingKind::chain, fmt::format("anon_vma {}: {}", chain.anon_vma.v, what));
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

void SnapshotCheck::end_chain() {
  if (own_)
    findings_.find(FindingKind::chain,
                   fmt::format("a mapping's own anon_vma {} is not among its entries", own_.v));
  own_ = {};
}

}  // namespace anonvma
