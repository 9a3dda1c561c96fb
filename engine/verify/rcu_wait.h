// Vmas on kernels that free them by RCU, a grace period after the call or the exit.
//
// The book of an mm may be closed before all of its vmas are freed. The remaining vmas wait here:
// the kernel has to free them before the recording ends, unless it ends too early.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/verify/books.h"
#include "engine/verify/lanes.h"

namespace anonvma {

class RcuWait {
 public:
  explicit RcuWait(Books& books) : books_(books) {}

  // The book of `mm` is about to be closed. Counts as freed all vmas that the model has freed.
  void wait_for(MmId mm, Book& book, const std::string& where);
  // The kernel has freed a vma of `mm`. True if a closed book had waited for that.
  bool came_back(MmId mm);
  // The recording is over. All vmas that were unmapped long before the end must have been freed.
  void settle(std::uint64_t end_ns, Lanes& lanes);

  bool empty() const { return waiting_.empty(); }
  std::uint64_t cut_off() const { return cut_off_; }  // vmas still waiting when it ended too early

 private:
  struct Waiting {
    std::uint64_t vmas = 0, since_ns = 0;
    std::string where;
  };
  Books& books_;
  std::map<MmId, Waiting> waiting_;
  std::uint64_t cut_off_ = 0;
};

}  // namespace anonvma
