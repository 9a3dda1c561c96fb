// Finds the owner of a vma whose memory is freed after a grace period.
//
// Where the kernel frees vmas by RCU (6.4 to 6.14), the mm may have ended by then, and another mm
// may have its address. So the time of the vma's allocation decides: its owner is the mm that ended
// next at that address, or else the mm that lives there. A vma that nothing saw allocated, and that
// no walk of the start has shown, was freed before the recording began.
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
  // A walk of the start has shown these vmas, and no others, of the mm at `address`. Any other vma
  // that was allocated for it had been freed. `recent` are the vmas that were allocated since the
  // start began.
  void shown(std::uint64_t address, std::uint32_t tgid,
             const std::unordered_set<std::uint64_t>& vmas,
             const std::vector<std::uint64_t>& recent);
  void retired(std::uint64_t address, MmId mm, std::uint64_t time_ns);

  struct Owner {
    std::optional<MmId> gone;  // an mm that has ended; none: the mm at the address
    std::uint32_t exec = 0;    // tgid of the execve that allocated it
  };
  // Nothing for a vma that is not of this recording.
  std::optional<Owner> freed(const anonvma_truth_record& record);

 private:
  struct Vma {
    std::uint64_t born = 0;
    std::uint64_t mm = 0;  // its address; 0: of a fork's child, or of an mm that execve fills
    std::uint32_t exec = 0;
  };
  struct Retired {
    std::uint64_t at;
    MmId mm;
    std::uint64_t time_ns;
  };
  std::uint64_t now_ = 0;  // counts births and ends
  std::unordered_map<std::uint64_t, Vma> vmas_;
  std::unordered_map<std::uint64_t, std::deque<Retired>> retired_;  // by address, oldest first
};

}  // namespace anonvma
