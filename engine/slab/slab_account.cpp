#include "engine/slab/slab_account.h"

namespace anonvma {

std::string_view cache_name(CacheIndex cache) {
  switch (cache) {
    case kVmAreaStruct:
      return "vm_area_struct";
    case kAnonVmaChain:
      return "anon_vma_chain";
    case kAnonVma:
      return "anon_vma";
    case kNumCaches:
      break;
  }
  return "unknown";  // an index from a damaged trace
}

std::array<CacheSpec, kNumCaches> default_cache_specs() {
  std::array<CacheSpec, kNumCaches> specs;
  specs[kVmAreaStruct] = {"vm_area_struct", 192, 21, 1};
  specs[kAnonVmaChain] = {"anon_vma_chain", 64, 64, 1};
  // 96 bytes and a free pointer outside of them: the cache is SLAB_TYPESAFE_BY_RCU with a
  // constructor, so that the pointer must not overlay the object.
  specs[kAnonVma] = {"anon_vma", 104, 39, 1};
  return specs;
}

}  // namespace anonvma
