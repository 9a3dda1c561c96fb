#include "engine/slab/cache.h"

#include "engine/slab/geometry.h"

namespace anonvma {

std::string_view cache_name(CacheIndex cache) {
  static constexpr std::array<std::string_view, kAllCaches> kNames{
      "vm_area_struct",      "anon_vma_chain",       "anon_vma",
      "cow_context",         "maple_node",           "cow_remap_array",
      "cow_remap_array-64",  "cow_remap_array-96",   "cow_remap_array-192",
      "cow_remap_array-512", "cow_remap_array-1024", "cow_remap_array-2048",
      "cow_remap_array-4096"};
  return cache < kAllCaches ? kNames[cache] : "unknown";  // an index from a damaged trace
}

CacheSpecs default_cache_specs() {
  CacheSpecs specs;
  specs[kVmAreaStruct].objsize = 192;
  specs[kAnonVmaChain].objsize = 64;
  // 96 bytes and a free pointer outside of them: the cache is SLAB_TYPESAFE_BY_RCU with a
  // constructor, and so the pointer must not overlay the object.
  specs[kAnonVma].objsize = 104;
  specs[kCowContext].objsize = 96;
  specs[kMapleNode].objsize = 256;
  for (std::size_t i = 0; i < kArrayBytes.size(); ++i)
    specs[kCowRemapArray + i].objsize = kArrayBytes[i];
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    const Placement placement = slub_placement(specs[c].objsize, 4096, 2);
    specs[c].objperslab = placement.objperslab;
    specs[c].pagesperslab = placement.pagesperslab;
    specs[c].name = cache_name(static_cast<CacheIndex>(c));
  }
  return specs;
}

}  // namespace anonvma
