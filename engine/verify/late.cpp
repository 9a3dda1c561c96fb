#include "engine/verify/late.h"

#include <algorithm>
#include <utility>

#include "engine/verify/prepares.h"

namespace anonvma {
namespace {

// The longest time from the ring record of a walk until its last chain was read and a relative that
// was unlinking vmas meanwhile has ended.
constexpr std::uint64_t kWalkTakesNs = 500'000'000;

bool between(std::uint64_t n, std::uint64_t low, std::uint64_t high) {
  return low <= n && n <= high;
}

}  // namespace

void LateEntries::wait_for_fault(const MmSnapshot& snapshot, std::uint64_t start,
                                 std::string difference) {
  late_.push_back({.mm = snapshot.head.mm,
                   .start = start,
                   .until_ns = snapshot.head.time_ns + Prepares::kFaultTakesNs,
                   .difference = std::move(difference),
                   .unfaulted = true,
                   .kernel = {},
                   .least = {},
                   .most = {}});
  ++unfaulted_;
}

void LateEntries::wait_for_counters(const MmSnapshot& snapshot, std::uint64_t start,
                                    std::size_t entry, const SnapChain& kernel,
                                    const Strategy::ChainLink& model, std::string difference) {
  late_.push_back({.mm = snapshot.head.mm,
                   .start = start,
                   .until_ns = snapshot.head.time_ns + kWalkTakesNs,
                   .difference = std::move(difference),
                   .entry = entry,
                   .kernel = kernel,
                   .least = model,
                   .most = model,
                   .seq = snapshot.head.seq,
                   .moved = kin_ns_ > snapshot.head.time_ns});
}

void LateEntries::settled(const Event& event) {
  const EventType type = type_of(event.body);
  if (type == EventType::fork || type == EventType::exit_mmap) kin_ns_ = event.head.time_ns;
  if (!late_.empty() && (type != EventType::fault || unfaulted_ > 0))
    look_again(event.head.time_ns);
}

VmaId LateEntries::vma_at(MmId mm, std::uint64_t start) {
  const std::vector<VmaId> vmas = spaces_.vmas(mm);
  steps_ += 16 + vmas.size();
  const auto found = std::find_if(vmas.begin(), vmas.end(),
                                  [&](VmaId vma) { return spaces_.vma(vma).start == start; });
  return found != vmas.end() ? *found : VmaId{};
}

bool LateEntries::faulted_by_now(const Late& late) {
  const VmaId vma = vma_at(late.mm, late.start);
  return vma && spaces_.strategy().faulted(vma);
}

bool LateEntries::caught_up(Late& late) {
  const VmaId vma = vma_at(late.mm, late.start);
  const auto links = vma ? spaces_.strategy().chain_links(vma) : std::vector<Strategy::ChainLink>{};
  Strategy::ChainLink &least = late.least, &most = late.most;
  if (late.entry < links.size()) {
    const Strategy::ChainLink& now = links[late.entry];
    least.num_children = std::min(least.num_children, now.num_children);
    least.num_active_vmas = std::min(least.num_active_vmas, now.num_active_vmas);
    most.num_children = std::max(most.num_children, now.num_children);
    most.num_active_vmas = std::max(most.num_active_vmas, now.num_active_vmas);
  }
  return between(late.kernel.num_children, least.num_children, most.num_children) &&
         between(late.kernel.num_active_vmas, least.num_active_vmas, most.num_active_vmas);
}

void LateEntries::look_again(std::uint64_t now_ns) {
  std::erase_if(late_, [&](Late& late) {
    const bool equal = late.unfaulted ? faulted_by_now(late) : caught_up(late);
    if (!equal && now_ns < late.until_ns) return false;
    if (equal || !late.moved)
      lanes_.compare(late.unfaulted ? Lanes::kVmas : Lanes::kChains, equal,
                     [&] { return late.difference; });
    unfaulted_ -= late.unfaulted ? 1 : 0;
    return true;
  });
}

void LateEntries::drop_counters(MmId mm, std::uint32_t seq) {
  steps_ += late_.size();
  std::erase_if(
      late_, [&](const Late& late) { return late.mm == mm && seq < late.seq && !late.unfaulted; });
}

void LateEntries::forget_tainted() {
  std::erase_if(late_, [&](const Late& late) {
    const bool tainted = spaces_.tainted(late.mm);
    unfaulted_ -= tainted && late.unfaulted ? 1 : 0;
    return tainted;
  });
}

std::uint64_t LateEntries::bytes() const {
  constexpr std::uint64_t kLate = 800;  // with the text of its difference
  return late_.size() * kLate;
}

}  // namespace anonvma
