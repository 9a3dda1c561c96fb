#include "engine/vma/rmap.h"

namespace anonvma {

void Rmap::part(VmaId vma) {
  const std::uint64_t anon_vmas = slab_.usage(kAnonVma).allocs;
  strategy_.part(vma);
  prepared_.objs.allocs[kAnonVma] += slab_.usage(kAnonVma).allocs - anon_vmas;
}

void Rmap::prepare(VmaId vma) {
  if (strategy_.faulted(vma)) return;
  ++prepared_.vmas;
  const std::uint64_t avcs = slab_.usage(kAnonVmaChain).allocs;
  const std::uint64_t anon_vmas = slab_.usage(kAnonVma).allocs;
  strategy_.prepare(vma);
  prepared_.objs.allocs[kAnonVmaChain] += slab_.usage(kAnonVmaChain).allocs - avcs;
  prepared_.objs.allocs[kAnonVma] += slab_.usage(kAnonVma).allocs - anon_vmas;
}

}  // namespace anonvma
