// Calls of execve that are in progress. Each fills a new mm that no event has announced.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "engine/ids.h"
#include "tracers/records.h"

namespace anonvma {

class Execs {
 public:
  // The new mm is at `address`; 0 if no hook sees it, and then the task's id identifies the call.
  void begin(std::uint64_t address, std::uint32_t tid, MmId old_mm) {
    (address != 0 ? by_mm_[address] : by_tgid_[tid]) = old_mm;
  }
  // The call ends. Returns its old mm, or nothing if its begin was not recorded.
  std::optional<MmId> end(const anonvma_exec_record& r) {
    if (const auto found = by_mm_.extract(r.head.mm); !found.empty()) return found.mapped();
    if (const auto found = by_tgid_.extract(r.tgid); !found.empty()) return found.mapped();
    return std::nullopt;
  }
  // The mm at the address has ended. If a call was filling it, that call has failed.
  void forget(std::uint64_t address) { by_mm_.erase(address); }
  bool fills(std::uint64_t address) const { return by_mm_.contains(address); }

 private:
  std::unordered_map<std::uint64_t, MmId> by_mm_;    // new mm to old
  std::unordered_map<std::uint32_t, MmId> by_tgid_;  // tgid to old mm
};

}  // namespace anonvma
