// The slab caches that designs allocate from, and their geometry.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace anonvma {

// The first three are also in trace files (Truth.cache): never renumber.
enum CacheIndex : std::uint8_t {
  kVmAreaStruct = 0,
  kAnonVmaChain = 1,
  kAnonVma = 2,
  kNumCaches = 3,  // caches of released kernels, which a trace knows
  // Caches of proposals.
  kCowContext = 3,
  kMapleNode = 4,      // nodes of remap trees only
  kCowRemapArray = 5,  // arrays of kArrayBytes[0]; a cache for each larger size follows
};
// kmalloc sizes of the arrays of offsets that a cow-context design keeps.
inline constexpr std::array<std::uint32_t, 8> kArrayBytes{32, 64, 96, 192, 512, 1024, 2048, 4096};
inline constexpr std::size_t kAllCaches = kCowRemapArray + kArrayBytes.size();

// Geometry in the words of /proc/slabinfo. `objsize` is the slot size of the slab, never sizeof.
struct CacheSpec {
  std::string name;
  std::uint32_t objsize = 0;
  std::uint32_t objperslab = 0;
  std::uint32_t pagesperslab = 0;
  friend bool operator==(const CacheSpec&, const CacheSpec&) = default;
};
using CacheSpecs = std::array<CacheSpec, kAllCaches>;

// The caches of a 6.18 x86_64 kernel with 2 CPUs: used when a trace names none.
CacheSpecs default_cache_specs();
std::string_view cache_name(CacheIndex cache);

}  // namespace anonvma
