#include "engine/vma/rmap.h"

namespace anonvma {

void Rmap::prepare(VmaId vma) {
  if (strategy_.faulted(vma)) return;
  ++prepared_;
  const std::uint64_t avcs = slab_.usage(kAnonVmaChain).allocs;
  const std::uint64_t anon_vmas = slab_.usage(kAnonVma).allocs;
  strategy_.prepare(vma);
  prepared_objs_[kAnonVmaChain] += slab_.usage(kAnonVmaChain).allocs - avcs;
  prepared_objs_[kAnonVma] += slab_.usage(kAnonVma).allocs - anon_vmas;
}

}  // namespace anonvma
