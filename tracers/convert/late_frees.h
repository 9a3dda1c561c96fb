// Frees whose records come late. On some kernels the kmem_cache_free tracepoint comes after the
// free. Another cpu may then have allocated the object again and recorded that first. The next free
// at the address belongs to the older object.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace anonvma {

class LateFrees {
 public:
  // Object `id` was at the address, and a new object is there now.
  void allocated_anew(std::uint64_t address, std::uint64_t id) { owed_[address].push_back(id); }
  // The object of a free at the address, if it is not the current one.
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
