// The questions of the VMA layer to mm/rmap.c, and how often it had to prepare a vma.
#pragma once

#include <array>
#include <cstdint>

#include "engine/ids.h"
#include "engine/slab/slab_account.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

class Rmap {
 public:
  Rmap(Strategy& strategy, const SlabAccount& slab) : strategy_(strategy), slab_(slab) {}

  bool faulted(VmaId vma) const { return vma && strategy_.faulted(vma); }
  bool came_through_fork(VmaId vma) const { return faulted(vma) && !strategy_.singular(vma); }
  // anon_vma_prepare(): gives `vma` an anon_vma unless it has one.
  void prepare(VmaId vma);

  std::uint64_t prepared() const { return prepared_; }  // vmas that got their first anon_vma
  const std::array<std::uint64_t, kNumCaches>& prepared_objs() const { return prepared_objs_; }

 private:
  Strategy& strategy_;
  const SlabAccount& slab_;
  std::uint64_t prepared_ = 0;
  std::array<std::uint64_t, kNumCaches> prepared_objs_{};  // allocated for them
};

}  // namespace anonvma
