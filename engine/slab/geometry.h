// The layout of SLUB's slabs, and the object sizes of each kernel era.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/slab/cache.h"

namespace anonvma {

struct Placement {
  std::uint32_t objperslab = 0, pagesperslab = 0;
  friend bool operator==(const Placement&, const Placement&) = default;
};
// calculate_order() of mm/slub.c without boot options: pages for at least 4 * (fls(cpus) + 1)
// objects, at most 8 pages, wasting at most 1/16 (then 1/8, then 1/4, then 1/2). `cpus` are those
// present, or possible ones in older kernels; 0 counts as 2. {0, 0} for a size no slab can hold.
//
// Older kernels retried with fewer objects before they wasted more than 1/4. The result is the same
// up to 8 KiB, and all objects here are smaller.
Placement slub_placement(std::uint32_t objsize, std::uint64_t page_size, std::uint64_t cpus);

// Partial slabs that one CPU may keep (set_cpu_partial(), in slabs since 5.16), and empty ones that
// a node keeps (kmem_cache_open()).
std::uint32_t slub_cpu_partial_slabs(std::uint32_t objsize, std::uint32_t objperslab,
                                     std::uint64_t page_size);
std::uint32_t slub_min_partial(std::uint32_t objsize);

// The number of CPUs for a replay: 2 where the trace names none, and a limit for a damaged trace.
std::uint32_t slub_cpus(std::uint64_t cpus);

// Slot sizes on LP64, by CacheIndex; 0: this era has no such objects.
struct EraSizes {
  std::string_view era;  // the first release with them
  std::array<std::uint32_t, kNumCaches> objsizes{};
};
// The newest set that is not newer than `era` ("3.0", "5.10.7"). nullptr if `era` is older than all
// sets or is no version.
const EraSizes* era_sizes(std::string_view era);

}  // namespace anonvma
