// Snapshots of mms: the vmas that a program or a walk has read become the events of one state.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/trace/event.h"
#include "tracers/convert/address_map.h"
#include "tracers/convert/order.h"
#include "tracers/convert/walked.h"
#include "tracers/records.h"

namespace anonvma {

class Snapshots {
 public:
  explicit Snapshots(AddressMap& addresses) : addresses_(addresses) {}

  // A task reads an mm vma by vma. The record that ends the reading comes after the vmas.
  void add_vma(std::uint32_t tid, const anonvma_vma& vma);
  void forget_vmas(std::uint32_t tid) { read_vmas_.erase(tid); }
  // The snapshot of the reading that the record ends.
  EventGroup of_reading(const anonvma_exec_record& record, const EventHead& head,
                        SnapReason reason);
  EventGroup of_walk(const WalkedMm& walked, const EventHead& head, SnapReason reason);

 private:
  SnapVma snap_vma(const anonvma_vma& vma);

  AddressMap& addresses_;
  std::unordered_map<std::uint32_t, std::vector<anonvma_vma>> read_vmas_;  // by tid
};

}  // namespace anonvma
