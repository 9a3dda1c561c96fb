// Kernel addresses end here: they are reused, ids are not.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "engine/ids.h"

namespace anonvma {

class AddressMap {
 public:
  // An mm has its id from its birth to its exit_mmap().
  MmId bear_mm(std::uint64_t address) {
    const MmId id{next_mm_++};
    mms_[address] = id;
    return id;
  }
  MmId mm(std::uint64_t address) const {
    const auto it = mms_.find(address);
    return it == mms_.end() ? MmId{} : it->second;
  }
  void retire_mm(std::uint64_t address) { mms_.erase(address); }
  const std::unordered_map<std::uint64_t, MmId>& mms() const { return mms_; }
  std::uint32_t next_mm() const { return next_mm_; }

  // Only files that some vma holds at the same time are ever compared, so an address that comes
  // back for another file confuses nobody.
  FileId file(std::uint64_t address) {
    return address == 0 ? 0 : files_.try_emplace(address, files_.size() + 1).first->second;
  }

  // Of a memory policy or a userfaultfd context: equal ids, equal things.
  std::uint64_t merge_key(std::uint64_t value) {
    return value == 0 ? 0 : merge_keys_.try_emplace(value, merge_keys_.size() + 1).first->second;
  }

  AnonVmaId anon_vma(std::uint64_t address) {
    if (address == 0) return {};
    const auto [it, added] = anon_vmas_.try_emplace(address, next_anon_vma_);
    if (added) ++next_anon_vma_;
    return AnonVmaId{it->second};
  }
  bool knows_anon_vma(std::uint64_t address) const { return anon_vmas_.contains(address); }
  // The address may be another anon_vma's from here on.
  void forget_anon_vma(std::uint64_t address) { anon_vmas_.erase(address); }

  // Ids of the other slab objects: an address has one from allocation to free.
  std::uint64_t object(std::uint64_t address) {
    const auto [it, added] = objects_.try_emplace(address, next_object_);
    if (added) ++next_object_;
    return it->second;
  }
  bool knows_object(std::uint64_t address) const { return objects_.contains(address); }
  void forget_object(std::uint64_t address) { objects_.erase(address); }

 private:
  std::unordered_map<std::uint64_t, MmId> mms_;
  std::unordered_map<std::uint64_t, FileId> files_;
  std::unordered_map<std::uint64_t, std::uint64_t> merge_keys_;
  std::unordered_map<std::uint64_t, std::uint32_t> anon_vmas_;
  std::unordered_map<std::uint64_t, std::uint64_t> objects_;
  std::uint32_t next_mm_ = 0;
  std::uint32_t next_anon_vma_ = 0;
  std::uint64_t next_object_ = 0;
};

}  // namespace anonvma
