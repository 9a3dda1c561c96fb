// The process ids of mms, and the mms that live but have no event yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "engine/ids.h"

namespace anonvma {

struct Tgid {
  std::uint32_t initial = 0;  // in the trace: of the initial pid namespace
  std::uint32_t local = 0;    // in the recorder's pid namespace
};

class Processes {
 public:
  void add(MmId mm, Tgid tgid) { tgids_[mm] = tgid; }
  void remove(MmId mm) { tgids_.erase(mm); }
  // Zeroes if no process of the mm is known.
  Tgid tgid_of(MmId mm) const {
    const auto found = tgids_.find(mm);
    return found == tgids_.end() ? Tgid{} : found->second;
  }

  // The mm at `address` lives and is not announced: its parent was not walked yet, or an execve
  // that is older than the recording fills it.
  void add_orphan(std::uint64_t address, std::uint32_t tgid) { orphans_[address] = tgid; }
  void forget_orphan(std::uint64_t address) { orphans_.erase(address); }
  std::size_t orphans() const { return orphans_.size(); }
  void forget_orphans() { orphans_.clear(); }

 private:
  std::unordered_map<MmId, Tgid> tgids_;
  std::unordered_map<std::uint64_t, std::uint32_t> orphans_;  // address to tgid
};

}  // namespace anonvma
