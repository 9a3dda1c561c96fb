// New places for the addresses of a trace, such that a replay sees no difference.
//
// The mms that forked from each other since an exec share their addresses: a lineage. What is
// touched in one falls into regions, parts with no gap of 4 GiB in them. Each region moves up as a
// whole, by a keyed multiple of 2 MiB that is never less than that of the region below: what was
// adjacent stays adjacent, what was apart stays apart, order and alignment (of huge pages, too) are
// as they were.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/ids.h"
#include "engine/trace/keyed.h"

namespace anonvma {

class AddressShift {
 public:
  // From here on there is no user address; nothing that a replay takes for one comes here.
  static constexpr std::uint64_t kEnd = 1ull << 57;
  // Below, nothing can be mapped by default (mmap_min_addr): a null pointer stays one.
  static constexpr std::uint64_t kLow = 1ull << 16;
  // Between the lowest and the highest shift of any trace.
  static constexpr std::uint64_t kLeastShift = 1ull << 48, kMostShift = kLeastShift + (1ull << 50);

  explicit AddressShift(Keyed keyed) : keyed_(keyed) {}

  // First pass. `child` has the addresses of `parent`.
  void forked(MmId parent, MmId child) { unite(parent, child); }
  void unite(MmId a, MmId b);
  // [start, end) is touched in `mm`; `mapped`: there is or was something.
  void touched(MmId mm, std::uint64_t start, std::uint64_t end, bool mapped = false);
  // Between the passes.
  void settle();

  // Second pass: where `address` of `mm` goes. What is no user address becomes another that is
  // none.
  std::uint64_t moved(MmId mm, std::uint64_t address) const;
  // As moved(), of a page number that was an address.
  std::uint64_t moved_page(MmId mm, std::uint64_t page, std::uint64_t page_size) const;

 private:
  static constexpr unsigned kCellShift = 32;
  static constexpr std::uint64_t kUnit = 2u << 20;
  struct Region {
    std::uint64_t first = 0, last = 0;  // cells of 4 GiB, inclusive
    std::uint64_t shift = 0;
  };
  struct Lineage {
    std::uint32_t parent = 0;  // of the union-find forest: index
    std::uint32_t name = 0;    // its lowest mm
    std::size_t latest = 0;    // the region touched last
    bool uses_low = false;
    std::vector<Region> regions;  // ascending, none adjacent
  };

  std::uint32_t find(std::uint32_t lineage) const;
  std::uint32_t of(MmId mm);
  static void add(Lineage& lineage, std::uint64_t first, std::uint64_t last);

  Keyed keyed_;
  std::unordered_map<std::uint32_t, std::uint32_t> index_;  // ids come from a file
  mutable std::vector<Lineage> lineages_;
};

}  // namespace anonvma
