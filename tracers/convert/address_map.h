// Maps kernel addresses to ids: addresses are reused, ids are not. No address leaves this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include "engine/ids.h"

namespace anonvma {

// Ids of slab objects of one kind. An address keeps its id from the allocation to the free.
class ObjectIds {
 public:
  bool knows(std::uint64_t address) const { return ids_.contains(address); }
  std::uint64_t id(std::uint64_t address) {
    const auto [it, added] = ids_.try_emplace(address, next_);
    if (added) ++next_;
    return it->second;
  }
  // A new object is at the address. `before` is an older object there, whose free is missing.
  struct Allocated {
    std::uint64_t id;
    std::optional<std::uint64_t> before;
  };
  Allocated allocate(std::uint64_t address) {
    const std::uint64_t id = next_++;
    const auto [it, added] = ids_.try_emplace(address, id);
    if (added) return {id, std::nullopt};
    return {id, std::exchange(it->second, id)};
  }
  // The id of the object that was freed, which is new if the object was not known.
  std::uint64_t free(std::uint64_t address) {
    const auto it = ids_.find(address);
    if (it == ids_.end()) return next_++;
    const std::uint64_t id = it->second;
    ids_.erase(it);
    return id;
  }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> ids_;
  std::uint64_t next_ = 0;
};

class AddressMap {
 public:
  // An mm has its id from its birth to its exit_mmap().
  MmId bear_mm(std::uint64_t address) {
    const MmId id{next_mm_++};
    mms_[address] = id;
    found_ = {};
    return id;
  }
  // Most records name the same mm as the record before.
  MmId mm(std::uint64_t address) const {
    if (address == found_.address && found_.mm) return found_.mm;
    const auto it = mms_.find(address);
    if (it == mms_.end()) return {};
    found_ = {address, it->second};
    return it->second;
  }
  void retire_mm(std::uint64_t address) {
    mms_.erase(address);
    found_ = {};
  }
  const std::unordered_map<std::uint64_t, MmId>& mms() const { return mms_; }
  std::uint32_t next_mm() const { return next_mm_; }

  // Files are compared only while vmas hold both of them, so an address that is reused for another
  // file does no harm.
  FileId file(std::uint64_t address) {
    return address == 0 ? 0 : files_.try_emplace(address, files_.size() + 1).first->second;
  }

  // The id of a name of vmas, for the hash of its text.
  std::uint64_t vma_name(std::uint64_t hash) {
    return hash == 0 ? 0 : vma_names_.try_emplace(hash, vma_names_.size() + 1).first->second;
  }
  // The id of a memory policy or a userfaultfd context. Equal things have equal ids.
  std::uint64_t merge_key(std::uint64_t value) {
    return value == 0 ? 0 : merge_keys_.try_emplace(value, merge_keys_.size() + 1).first->second;
  }

  AnonVmaId anon_vma(std::uint64_t address) {
    return address == 0 ? AnonVmaId{}
                        : AnonVmaId{static_cast<std::uint32_t>(anon_vmas_.id(address))};
  }
  ObjectIds& anon_vmas() { return anon_vmas_; }
  ObjectIds& other_objects() { return other_objects_; }

 private:
  struct Found {
    std::uint64_t address = 0;
    MmId mm;
  };

  std::unordered_map<std::uint64_t, MmId> mms_;
  mutable Found found_;  // the last mm that was found
  std::unordered_map<std::uint64_t, FileId> files_;
  std::unordered_map<std::uint64_t, std::uint64_t> merge_keys_, vma_names_;
  ObjectIds anon_vmas_, other_objects_;
  std::uint32_t next_mm_ = 0;
};

}  // namespace anonvma
