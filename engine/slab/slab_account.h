// The account book of one replay: every object a model allocates or frees passes through here,
// so that no strategy can count by itself.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anonvma {

// Also in trace files (Truth.cache): never renumber.
enum CacheIndex : std::uint8_t {
  kVmAreaStruct = 0,
  kAnonVmaChain = 1,
  kAnonVma = 2,
  kNumCaches = 3,
};

// Geometry in the words of /proc/slabinfo. `objsize` is the slot size of the slab, never sizeof.
struct CacheSpec {
  std::string name;
  std::uint32_t objsize = 0;
  std::uint32_t objperslab = 0;
  std::uint32_t pagesperslab = 0;
  friend bool operator==(const CacheSpec&, const CacheSpec&) = default;
};
// vm_area_struct, anon_vma_chain, anon_vma of a 6.18 x86_64 kernel: used when a trace names none.
std::array<CacheSpec, kNumCaches> default_cache_specs();
std::string_view cache_name(CacheIndex cache);

struct CacheUsage {
  std::uint64_t active_objs = 0;
  std::uint64_t peak_objs = 0;  // this cache's own peak
  std::uint64_t allocs = 0;
  std::uint64_t frees = 0;
  friend bool operator==(const CacheUsage&, const CacheUsage&) = default;
};

class SlabAccount {
 public:
  void alloc(CacheIndex cache, std::uint64_t n = 1) {
    CacheUsage& use = usage_[cache];
    use.allocs += n;
    use.active_objs += n;
    if (use.active_objs > use.peak_objs) use.peak_objs = use.active_objs;
  }
  void free(CacheIndex cache, std::uint64_t n = 1) {
    CacheUsage& use = usage_[cache];
    assert(use.active_objs >= n);
    use.frees += n;
    use.active_objs -= n;
  }
  // Counting begins: what is alive now was alive before, and counts as one allocation each.
  void begin_here() {
    for (CacheUsage& use : usage_) use = {use.active_objs, use.active_objs, use.active_objs, 0};
    root_locks_ = 0;
  }
  // One acquisition of a root lock (of the anon_vma's own lock in designs without roots).
  void root_lock(std::uint64_t n = 1) { root_locks_ += n; }

  const CacheUsage& usage(CacheIndex cache) const { return usage_[cache]; }
  std::uint64_t root_locks() const { return root_locks_; }

 private:
  std::array<CacheUsage, kNumCaches> usage_{};
  std::uint64_t root_locks_ = 0;
};

}  // namespace anonvma
