// Differences that a walk has shown, and that may still come to agree.
//
// A walk of the kernel takes a while, and holds up neither faults nor relatives:
//  - A vma was faulted while the walk was under way. The model must come to that fault, too.
//  - The kernel's counters of an anon_vma were read a little later, perhaps in the middle of a
//    relative's fork or exit. What was read must lie between values that the model comes through.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/trace/collected.h"
#include "engine/verify/lanes.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

class LateEntries {
 public:
  LateEntries(const AddressSpaces& spaces, Lanes& lanes) : spaces_(spaces), lanes_(lanes) {}

  // The vma of `snapshot` that begins at `start` waits for a fault of the model.
  void wait_for_fault(const MmSnapshot& snapshot, std::uint64_t start, std::string difference);
  // Entry `entry` of the chain of that vma waits for the counters `kernel`. `model` are those of
  // now.
  void wait_for_counters(const MmSnapshot& snapshot, std::uint64_t start, std::size_t entry,
                         const SnapChain& kernel, const Strategy::ChainLink& model,
                         std::string difference);

  // The model has applied an event: compares again what that may have changed.
  void settled(const Event& event);
  // The trace is over: what has not come to agree differs.
  void settle_all() { look_again(~0ull); }
  // An operation of `mm` that is older than a walk was still unlinking vmas behind it: munmap does
  // so when it has given the write lock up for a read lock. The counters prove nothing then.
  void excuse(MmId mm, std::uint32_t seq);
  // Entries of tainted mms prove nothing against the model.
  void forget_tainted();

  std::uint64_t steps() const { return steps_; }
  std::uint64_t bytes() const;

 private:
  struct Late {
    MmId mm;
    std::uint64_t start = 0;  // of the vma
    std::uint64_t until_ns = 0;
    std::string difference;
    bool unfaulted = false;  // waits for a fault: all below means nothing
    std::size_t entry = 0;
    SnapChain kernel;
    Strategy::ChainLink least, most;  // counters of the model since
    std::uint32_t seq = 0;            // of the walk
    // A relative was born or ended between the walk and the place of the walk in the order of
    // events: if the counters do not agree, they prove nothing.
    bool moved = false;
  };
  void look_again(std::uint64_t now_ns);
  VmaId vma_at(MmId mm, std::uint64_t start);
  bool faulted_by_now(const Late& late);
  bool caught_up(Late& late);

  const AddressSpaces& spaces_;
  Lanes& lanes_;
  std::vector<Late> late_;
  std::size_t unfaulted_ = 0;  // of those
  std::uint64_t kin_ns_ = 0;   // when an address space was last born or ended
  std::uint64_t steps_ = 0;
};

}  // namespace anonvma
