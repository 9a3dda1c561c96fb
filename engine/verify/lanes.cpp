#include "engine/verify/lanes.h"

#include <fmt/format.h>

#include <algorithm>

namespace anonvma {
namespace {
constexpr std::size_t kMostDifferences = 20;
}  // namespace

Lanes::Lanes(bool truth) {
  lanes_[kMapCount].name = "map_count before operations";
  lanes_[kWriters].name = "write acquires explained";
  lanes_[kVmas].name = "vmas in snapshots";
  lanes_[kChains].name = "chain entries in walks";
  lanes_[kOperations].name = "objects, by operation";
  lanes_[kFaults].name = "first anonymous faults";
  lanes_[kPerMm].name = "objects, by address space";
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    const std::string_view cache = cache_name(static_cast<CacheIndex>(c));
    lanes_[kAllocated + c].name = fmt::format("{} allocated", cache);
    lanes_[kLive + c].name = fmt::format("{} live at the end", cache);
  }
  if (truth) return;
  for (std::size_t i = kOperations; i < kNumLanes; ++i)
    lanes_[i].not_available = "recorded without --truth";
}

void Lanes::compare_total(std::size_t index, std::int64_t kernel, std::int64_t model) {
  Lane& lane = lanes_[index];
  const auto [less, more] = std::minmax(kernel, model);
  lane.equal = static_cast<std::uint64_t>(std::max<std::int64_t>(less, 0));
  lane.compared = lane.equal + static_cast<std::uint64_t>(more - less);
  if (kernel != model) differ(fmt::format("{}: kernel {}, model {}", lane.name, kernel, model));
}

void Lanes::differ(std::string difference) {
  if (differences_.size() < kMostDifferences) differences_.push_back(std::move(difference));
}

void Lanes::lose_objects(std::uint64_t records) {
  for (std::size_t i = kOperations; i < kNumLanes; ++i)
    if (lanes_[i].agrees())
      lanes_[i] = {lanes_[i].name, 0, 0, fmt::format("{} records were lost", records)};
}

std::uint64_t Lanes::differing() const {
  std::uint64_t all = 0;
  for (const Lane& lane : lanes_) all += lane.compared - lane.equal;
  return all;
}

}  // namespace anonvma
