// Differences that a walk has shown, and that later events may still resolve.
//
// A walk of the kernel takes a while. Faults and relatives go on meanwhile:
//  - A vma was faulted during the walk. The model must replay that fault, too.
//  - The kernel's counters of an anon_vma were read a little later, perhaps in the middle of a
//    relative's fork or exit. The kernel's values must lie between those of the model meanwhile.
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
  // Entry `entry` of the chain of that vma waits for the counters `kernel`. `model` has the present
  // counters of the model.
  void wait_for_counters(const MmSnapshot& snapshot, std::uint64_t start, std::size_t entry,
                         const SnapChain& kernel, const Strategy::ChainLink& model,
                         std::string difference);

  // The model has applied an event: compares those again that it may have changed.
  void settled(const Event& event);
  // The trace is over: entries that still differ are differences.
  void settle_all() { look_again(~0ull); }
  // An operation of `mm` that began before a walk unlinked vmas after the walk: munmap does so once
  // it has downgraded the write lock to a read lock. Entries for counters of that walk are dropped,
  // as they prove nothing.
  void drop_counters(MmId mm, std::uint32_t seq);
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
    bool unfaulted = false;  // waits for a fault: the members below have no meaning
    std::size_t entry = 0;
    SnapChain kernel;
    Strategy::ChainLink least, most;  // bounds of the model's counters since the walk
    std::uint32_t seq = 0;            // of the walk
    // A relative was born or ended between the time of the walk and its place in the order of
    // events: counters that differ prove nothing.
    bool moved = false;
  };
  void look_again(std::uint64_t now_ns);
  VmaId vma_at(MmId mm, std::uint64_t start);
  bool faulted_by_now(const Late& late);
  bool caught_up(Late& late);

  const AddressSpaces& spaces_;
  Lanes& lanes_;
  std::vector<Late> late_;
  std::size_t unfaulted_ = 0;  // entries of `late_` that wait for a fault
  std::uint64_t kin_ns_ = 0;   // when an address space was last born or ended
  std::uint64_t steps_ = 0;
};

}  // namespace anonvma
