// Compares a snapshot of the kernel with the model, vma by vma and chain by chain.
#pragma once

#include <cstdint>
#include <string>

#include "engine/trace/collected.h"
#include "engine/verify/kin.h"
#include "engine/verify/lanes.h"
#include "engine/verify/late.h"
#include "engine/verify/names.h"
#include "engine/verify/object_books.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

class StateComparer {
 public:
  // `objects` tells what was in flight when a snapshot was taken, and `kin` whose counters prove
  // nothing.
  StateComparer(const AddressSpaces& spaces, const ObjectBooks& objects, const Kin& kin,
                Lanes& lanes)
      : spaces_(spaces), objects_(objects), kin_(kin), lanes_(lanes), late_(spaces, lanes) {}

  void compare(const MmSnapshot& snapshot);
  LateEntries& late() { return late_; }
  const Names& names() const { return names_; }

  std::uint64_t steps() const { return steps_ + late_.steps(); }
  std::uint64_t bytes() const { return late_.bytes() + names_.bytes(); }

 private:
  void compare_vma(const MmSnapshot& snapshot, const VmaSnapshot& kernel, VmaId model);
  void compare_chain(const MmSnapshot& snapshot, const VmaSnapshot& kernel, VmaId model);
  void compare_entry(const MmSnapshot& snapshot, const VmaSnapshot& kernel, std::size_t entry,
                     const Strategy::ChainLink& model);
  // Compares all but the anon_vma.
  bool same_mapping(const SnapVma& kernel, VmaId model);
  // True if the kernel may have prepared the vma after the snapshot, though the model did before:
  // by a fault in flight, or by a call that populates its mapping after it has dropped the lock.
  bool faults_late(const MmSnapshot& snapshot, const SnapVma& vma) const;

  std::string where(const MmSnapshot& snapshot) const;
  std::string describe(VmaId model) const;
  std::string difference(const MmSnapshot& snapshot, const std::string& kernel,
                         const std::string& model) const;

  const AddressSpaces& spaces_;
  const ObjectBooks& objects_;
  const Kin& kin_;
  Lanes& lanes_;
  Names names_;
  LateEntries late_;
  std::uint64_t steps_ = 0;  // the work of comparisons
};

}  // namespace anonvma
