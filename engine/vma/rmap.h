// The questions of the VMA layer to mm/rmap.c, and a count of the vmas that it prepared.
//
// Same: the moments at which vmas are prepared. The strategy decides what that allocates.
#pragma once

#include <cstdint>

#include "engine/ids.h"
#include "engine/slab/counts.h"
#include "engine/slab/slab_account.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

// Vmas that got their first anon_vma, and the objects that were allocated for them.
struct Prepared {
  std::uint64_t vmas = 0;
  Counts objs;

  friend Prepared operator-(const Prepared& a, const Prepared& b) {
    return {a.vmas - b.vmas, a.objs - b.objs};
  }
  Prepared& operator+=(const Prepared& other) {
    vmas += other.vmas;
    objs += other.objs;
    return *this;
  }
};

class Rmap {
 public:
  Rmap(Strategy& strategy, const SlabAccount& slab) : strategy_(strategy), slab_(slab) {}

  bool faulted(VmaId vma) const { return vma && strategy_.faulted(vma); }
  bool came_through_fork(VmaId vma) const { return faulted(vma) && !strategy_.singular(vma); }
  // anon_vma_prepare(): gives `vma` an anon_vma unless it has one.
  void prepare(VmaId vma);

  // Gives `vma`, which shares its anon_vma since it was prepared, one of its own.
  void part(VmaId vma);

  const Prepared& prepared() const { return prepared_; }

 private:
  Strategy& strategy_;
  const SlabAccount& slab_;
  Prepared prepared_;
};

}  // namespace anonvma
