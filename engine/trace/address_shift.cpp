#include "engine/trace/address_shift.h"

#include <algorithm>
#include <utility>

namespace anonvma {

std::uint32_t AddressShift::find(std::uint32_t lineage) const {
  while (lineages_[lineage].parent != lineage) {
    std::uint32_t& parent = lineages_[lineage].parent;
    lineage = parent = lineages_[parent].parent;
  }
  return lineage;
}

std::uint32_t AddressShift::of(MmId mm) {
  const auto next = static_cast<std::uint32_t>(lineages_.size());
  const auto [entry, fresh] = index_.try_emplace(mm.v, next);
  if (!fresh) return find(entry->second);
  lineages_.emplace_back();
  lineages_.back().parent = next;
  lineages_.back().name = mm.v;
  return next;
}

void AddressShift::unite(MmId a, MmId b) {
  if (!a || !b) return;
  std::uint32_t into = of(a), from = of(b);
  if (into == from) return;
  if (lineages_[into].regions.size() < lineages_[from].regions.size()) std::swap(into, from);
  Lineage &kept = lineages_[into], &gone = lineages_[from];
  gone.parent = into;
  kept.name = std::min(kept.name, gone.name);
  kept.uses_low |= gone.uses_low;
  for (const Region& region : std::exchange(gone.regions, {})) add(kept, region.first, region.last);
}

// Regions that touch become one: a gap is at least one unit of 4 GiB.
void AddressShift::add(Lineage& lineage, std::uint64_t first, std::uint64_t last) {
  std::vector<Region>& regions = lineage.regions;
  if (lineage.latest < regions.size() && regions[lineage.latest].first <= first &&
      last <= regions[lineage.latest].last)
    return;
  auto at = std::partition_point(regions.begin(), regions.end(),
                                 [&](const Region& r) { return r.last + 1 < first; });
  auto end = at;
  for (; end != regions.end() && end->first <= last + 1; ++end) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
  }
  if (at == end) {
    at = regions.insert(at, {first, last, 0});
  } else {
    *at = {first, last, 0};
    regions.erase(at + 1, end);
  }
  lineage.latest = static_cast<std::size_t>(at - regions.begin());
}

void AddressShift::touched(MmId mm, std::uint64_t start, std::uint64_t end, bool mapped) {
  constexpr std::uint64_t kMostMapped = 1ull << 56;  // TASK_SIZE_MAX of five-level paging
  if (!mm || start >= kEnd || end <= start) return;
  Lineage& lineage = lineages_[of(mm)];
  if (start < kLow && (mapped || end > kLow)) lineage.uses_low = true;
  start = std::min(start, kMostMapped - 1);
  end = std::clamp(end, start + 1, kMostMapped);
  add(lineage, start >> kCellShift, (end - 1) >> kCellShift);
}

// Shares out the budget evenly, so that the highest region stays below its end.
void AddressShift::settle() {
  for (Lineage& lineage : lineages_) {
    const std::uint64_t budget = (kMostShift - kLeastShift) / kUnit;
    const std::uint64_t part =
        std::max<std::uint64_t>(budget / std::max<std::size_t>(lineage.regions.size(), 1), 1);
    std::uint64_t shift = kLeastShift;
    for (std::size_t i = 0; i < lineage.regions.size(); ++i) {
      shift += keyed_.of(Keyed::Kind::shift, lineage.name, i) % part * kUnit;
      lineage.regions[i].shift = std::min(shift, kMostShift);
    }
  }
}

std::uint64_t AddressShift::moved(MmId mm, std::uint64_t address) const {
  if (address >= kEnd) return 1ull << 62;
  const auto found = index_.find(mm.v);
  if (found == index_.end()) return address < kLow ? address : address + kLeastShift;
  const Lineage& lineage = lineages_[find(found->second)];
  if (address < kLow && !lineage.uses_low) return address;
  const std::vector<Region>& regions = lineage.regions;
  // An address outside all regions moves like the region below it. This only happens to
  // computed page numbers.
  auto above = std::partition_point(regions.begin(), regions.end(), [&](const Region& region) {
    return region.first <= address >> kCellShift;
  });
  return address + (above == regions.begin() ? kLeastShift : (above - 1)->shift);
}

std::uint64_t AddressShift::moved_page(MmId mm, std::uint64_t page, std::uint64_t page_size) const {
  if (page >= kEnd / page_size) return page;
  return moved(mm, page * page_size) / page_size;
}

}  // namespace anonvma
