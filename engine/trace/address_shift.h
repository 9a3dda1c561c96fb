// Moves the addresses of a trace such that a replay sees no difference.
//
// Mms that forked from each other since an exec share their addresses; they are a lineage.
// Addresses used in one lineage fall into regions. Regions are separated by gaps of at least 4 GiB.
// Each region moves up as a whole, by a keyed multiple of 2 MiB that is never less than that of the
// region below. So adjacent mappings stay adjacent, gaps stay gaps, and order and alignment (of
// huge pages, too) are preserved:
//
//   before   |..aaa.a..|......|..bb..|...........
//   after    |....|..aaa.a..|.........|..bb..|...
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/ids.h"
#include "engine/trace/keyed.h"

namespace anonvma {

class AddressShift {
 public:
  // User addresses end here. No moved address reaches a higher one.
  static constexpr std::uint64_t kEnd = 1ull << 57;
  // Nothing can be mapped below by default (mmap_min_addr): a null pointer stays one.
  static constexpr std::uint64_t kLow = 1ull << 16;
  // Limits of the shifts of all regions of any trace.
  static constexpr std::uint64_t kLeastShift = 1ull << 48, kMostShift = kLeastShift + (1ull << 50);

  explicit AddressShift(Keyed keyed) : keyed_(keyed) {}

  // First pass: `child` has the addresses of `parent`.
  void forked(MmId parent, MmId child) { unite(parent, child); }
  void unite(MmId a, MmId b);
  // First pass: [start, end) is used in `mm`. `mapped`: a mapping is or was there.
  void touched(MmId mm, std::uint64_t start, std::uint64_t end, bool mapped = false);
  // Ends the first pass: chooses the shifts.
  void settle();

  // Second pass: the new place of `address` in `mm`. A value that is no user address becomes
  // another value that is none.
  std::uint64_t moved(MmId mm, std::uint64_t address) const;
  // moved() for a page number that was an address.
  std::uint64_t moved_page(MmId mm, std::uint64_t page, std::uint64_t page_size) const;

 private:
  static constexpr unsigned kCellShift = 32;
  static constexpr std::uint64_t kUnit = 2u << 20;
  struct Region {
    std::uint64_t first = 0, last = 0;  // units of 4 GiB, inclusive
    std::uint64_t shift = 0;
  };
  struct Lineage {
    std::uint32_t parent = 0;  // index in the union-find forest
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
