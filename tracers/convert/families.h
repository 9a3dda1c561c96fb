// Mms that forked from each other since an exec: relatives may share an anon_vma.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "engine/ids.h"

namespace anonvma {

class Families {
 public:
  static constexpr std::uint32_t kAliveAtStart = 0;  // may be several families

  std::uint32_t begin_one() { return next_++; }
  void add(MmId mm, std::uint32_t family) { families_[mm] = family; }
  void remove(MmId mm) { families_.erase(mm); }
  std::uint32_t of(MmId mm) const {
    const auto found = families_.find(mm);
    return found == families_.end() ? kAliveAtStart : found->second;
  }
  // The two were one family, but a Fork between them was lost.
  void unite(std::uint32_t kept, std::uint32_t gone) {
    for (auto& [mm, family] : families_)
      if (family == gone) family = kept;
  }
  const std::unordered_map<MmId, std::uint32_t>& all() const { return families_; }

 private:
  std::unordered_map<MmId, std::uint32_t> families_;
  std::uint32_t next_ = 1;
};

}  // namespace anonvma
