#include "engine/slab/geometry.h"

#include <algorithm>
#include <bit>

#include "engine/release.h"

namespace anonvma {
namespace {

constexpr unsigned kMaxOrder = 3;         // slub_max_order: PAGE_ALLOC_COSTLY_ORDER
constexpr unsigned kMaxPageOrder = 10;    // a single object may take a slab of this order
constexpr std::uint64_t kMaxCpus = 8192;  // NR_CPUS of the largest configurations

std::uint64_t divided_up(std::uint64_t n, std::uint64_t by) { return (n + by - 1) / by; }

// get_order()
unsigned order_for(std::uint64_t bytes, std::uint64_t page_size) {
  return static_cast<unsigned>(std::bit_width(divided_up(bytes, page_size) - 1));
}

Placement of_order(unsigned order, std::uint32_t objsize, std::uint64_t page_size) {
  return {static_cast<std::uint32_t>((page_size << order) / objsize), 1u << order};
}

// Slot sizes. Objects with a constructor under SLAB_TYPESAFE_BY_RCU (anon_vma) carry the free
// pointer behind the object. The configuration is Debian's: with userfaultfd, without names for
// anonymous vmas. Sizes are measured on Debian 5.10.223, 6.1, 6.12, 6.16 to 6.19 and 7.2. The
// anon_vma of 5.10.7, and all older sizes, come from compiling the structures of those releases. A
// release in between has the sizes of the one before it.
constexpr EraSizes kEras[] = {
    {"2.6.32", {176, 0, 32}},
    {"2.6.34", {184, 48, 32}},
    {"2.6.37", {184, 48, 40}},     // + root, refcount
    {"3.0", {176, 48, 72}},        // the lock is a mutex
    {"3.10", {184, 64, 64}},       // rwsem; interval trees instead of lists
    {"3.19", {184, 64, 80}},       // + degree
    {"4.14", {184, 64, 88}},       // cached rb root
    {"4.19", {200, 64, 88}},       // + userfaultfd
    {"5.10.223", {200, 64, 104}},  // Debian's: num_children as in 6.0, a backport
    {"5.11", {200, 64, 88}},
    {"5.15.100", {200, 64, 104}},  // the same backport
    {"5.16", {200, 64, 88}},
    {"6.0", {200, 64, 104}},  // num_children and num_active_vmas instead of degree
    {"6.1", {152, 64, 104}},  // maple tree: no rb node, no list
    {"6.7", {184, 64, 104}},  // per-vma locks, as read in 6.8
    {"6.12", {176, 64, 104}},
    {"6.15", {192, 64, 104}},  // the reference count has a cache line
    {"7.1", {192, 64, 96}},    // rwsem is 8 bytes smaller
};

}  // namespace

std::uint32_t slub_cpus(std::uint64_t cpus) {
  return static_cast<std::uint32_t>(std::min(cpus == 0 ? 2 : cpus, kMaxCpus));
}

Placement slub_placement(std::uint32_t objsize, std::uint64_t page_size, std::uint64_t cpus) {
  if (objsize == 0 || page_size == 0) return {};
  const std::uint64_t wanted = 4ull * (static_cast<unsigned>(std::bit_width(slub_cpus(cpus))) + 1);
  const std::uint64_t most = std::max<std::uint64_t>((page_size << kMaxOrder) / objsize, 1);
  const unsigned min_order = order_for(std::min(wanted, most) * objsize, page_size);
  for (unsigned fraction = 16; fraction > 1; fraction /= 2)
    for (unsigned order = min_order; order <= kMaxOrder; ++order) {
      const std::uint64_t bytes = page_size << order;
      if (bytes % objsize <= bytes / fraction) return of_order(order, objsize, page_size);
    }
  const unsigned order = order_for(objsize, page_size);
  return order <= kMaxPageOrder ? of_order(order, objsize, page_size) : Placement{};
}

std::uint32_t slub_cpu_partial_slabs(std::uint32_t objsize, std::uint32_t objperslab,
                                     std::uint64_t page_size) {
  std::uint64_t objs = 120;
  if (objsize >= page_size)
    objs = 6;
  else if (objsize >= 1024)
    objs = 24;
  else if (objsize >= 256)
    objs = 52;
  return static_cast<std::uint32_t>(divided_up(objs * 2, std::max(objperslab, 1u)));
}

std::uint32_t slub_min_partial(std::uint32_t objsize) {
  const unsigned log = objsize == 0 ? 0 : static_cast<unsigned>(std::bit_width(objsize)) - 1;
  return std::clamp(log / 2, 5u, 10u);
}

const EraSizes* era_sizes(std::string_view era) {
  const std::optional<Release> asked = parse_release(era);
  const EraSizes* best = nullptr;
  for (const EraSizes& sizes : kEras)
    if (parse_release(sizes.era) <= asked) best = &sizes;
  return best;
}

}  // namespace anonvma
