// Code ranges of the kernel functions that allocate and free the objects.
#pragma once

#include <cstdint>
#include <vector>

#include "tracers/records.h"

namespace anonvma {

struct Sites {
  std::vector<anonvma_site> prepare;         // __anon_vma_prepare and its split-off parts
  std::vector<anonvma_site> anon_vma_alloc;  // if it is a function of its own
  std::vector<anonvma_site> vma_alloc;       // vm_area_alloc, likewise
  std::vector<anonvma_site> objects;         // all that the truth lane needs
  std::uint64_t thp_area = 0;                // thp_get_unmapped_area()
  // True if a chain entry that __anon_vma_prepare() allocates has its call site there, and not in
  // an anon_vma_chain_alloc() that the compiler did not inline.
  bool shows_touches = false;
};

// `callers`: also the functions that call vm_area_free(). vm_area_free() ends in a jump to
// kmem_cache_free(), so the recorded call site lies in its caller. A hook that does not show the
// cache needs these callers.
Sites find_sites(bool callers);

}  // namespace anonvma
