#include "engine/vma/mm_families.h"

#include <utility>

namespace anonvma {

std::uint32_t MmFamilies::make() {
  if (free_.empty()) {
    all_.emplace_back();
    return static_cast<std::uint32_t>(all_.size() - 1);
  }
  const std::uint32_t family = free_.back();
  free_.pop_back();
  all_[family] = {};
  return family;
}

void MmFamilies::leave(std::uint32_t family) {
  if (--all_[family].members == 0 && family != kOfAttach) free_.push_back(family);
}

void MmFamilies::move_exits(std::uint32_t from, std::uint32_t to) {
  all_[to].exiting += std::exchange(all_[from].exiting, 0);
}

}  // namespace anonvma
