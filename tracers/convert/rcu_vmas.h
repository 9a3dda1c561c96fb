// Whose a vma was that comes back a grace period after it was freed.
//
// Where the kernel frees vmas by RCU (6.4 to 6.14) the mm may have ended meanwhile, and its address
// may be another's. So each vma is known by when it was allocated: it belonged to the mm that ended
// next at that address, or to the one that lives there. A vma nobody saw allocated, and that no
// walk of the start has shown, had been freed before the recording began.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/ids.h"
#include "tracers/records.h"

namespace anonvma {

class RcuVmas {
 public:
  void allocated(const anonvma_truth_record& record);
  // Between these two come the walks of the start.
  void begin_start() { starting_ = true; }
  void end_start();
  // A walk of the start has shown these vmas of the mm at `address`, and no others: what was
  // allocated and is not among them had been freed.
  void shown(std::uint64_t address, std::uint32_t tgid,
             const std::unordered_set<std::uint64_t>& vmas);
  void retired(std::uint64_t address, MmId mm, std::uint64_t time_ns);

  struct Owner {
    std::optional<MmId> gone;  // it has ended; else it is the one at the address
    std::uint32_t exec = 0;    // tgid of the execve that allocated it
  };
  // None for a vma that is not of this recording.
  std::optional<Owner> freed(const anonvma_truth_record& record);

 private:
  struct Vma {
    std::uint64_t born = 0;
    std::uint64_t mm = 0;  // address; 0: a child's or the one that execve is filling
    std::uint32_t exec = 0;
  };
  struct Retired {
    std::uint64_t at;
    MmId mm;
    std::uint64_t time_ns;
  };
  bool starting_ = false;
  std::vector<std::uint64_t> early_;  // allocated during the start
  std::uint64_t now_ = 0;             // counts births and ends
  std::unordered_map<std::uint64_t, Vma> vmas_;
  std::unordered_map<std::uint64_t, std::deque<Retired>> retired_;  // by address, oldest first
};

}  // namespace anonvma
