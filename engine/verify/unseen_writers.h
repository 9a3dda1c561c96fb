// Write acquires of the mmap_lock outside every recorded operation. A later snapshot has to explain
// each of them: until then the acquire is open.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

#include "engine/ids.h"
#include "engine/slab/budget.h"
#include "engine/slab/counts.h"

namespace anonvma {

class UnseenWriters {
 public:
  struct Open {
    std::uint64_t acquires = 0, last_ns = 0;
    Counts kernel;  // objects that they allocated and freed
  };

  // `syscall` is UnknownWrite.syscall.
  void saw(std::uint64_t syscall) { ++by_syscall_[syscall]; }
  // An acquire that a snapshot of `mm` must explain.
  void acquired(MmId mm, std::uint64_t now_ns, const Counts& kernel);
  void explained(MmId mm) { open_.erase(mm); }
  // Removes and returns the acquires of `mm` that no snapshot has explained.
  std::optional<Open> take(MmId mm);
  template <class Predicate>
  void forget_if(Predicate&& of_mm) {
    std::erase_if(open_, [&](const auto& open) { return of_mm(open.first); });
  }

  const Open* find(MmId mm) const;
  const std::unordered_map<MmId, Open>& open() const { return open_; }
  const std::map<std::uint64_t, std::uint64_t>& by_syscall() const { return by_syscall_; }
  std::uint64_t bytes() const { return open_.size() * kNodeBytes; }

 private:
  std::map<std::uint64_t, std::uint64_t> by_syscall_;
  std::unordered_map<MmId, Open> open_;
};

}  // namespace anonvma
