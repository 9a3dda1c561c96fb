// Objects that were freed before a hook could tell. On kernels whose kmem_cache_free tracepoint
// comes behind the free another cpu may have allocated the object anew, and told of that first:
// then the next free at the address is the old object's.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace anonvma {

class LateFrees {
 public:
  // Object `id` was at the address, and another one is now.
  void allocated_anew(std::uint64_t address, std::uint64_t id) { owed_[address].push_back(id); }
  // The object of a free at the address, if it is not the one that is there now.
  std::optional<std::uint64_t> freed(std::uint64_t address) {
    if (owed_.empty()) return std::nullopt;
    const auto owed = owed_.find(address);
    if (owed == owed_.end()) return std::nullopt;
    const std::uint64_t id = owed->second.front();
    owed->second.erase(owed->second.begin());
    if (owed->second.empty()) owed_.erase(owed);
    return id;
  }

 private:
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> owed_;  // oldest first
};

}  // namespace anonvma
