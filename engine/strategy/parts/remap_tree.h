// The tree in which a cow-context design looks up the places of an mm's pages by pgoff. It maps
// ranges of pgoff to the offsets (address minus pgoff, in pages) at which they are mapped. An entry
// with one offset is a tagged value. Several offsets are in an array of their own.
//
//   pgoff    0-9     10-19        20-29
//   offsets  {5}     {5, 90}      {90}
//            value   array of 2   value
//
// A tree is changed either by add() and remove(), which keep it as small as possible, or by
// append() and replace(), which act like the prototype.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "engine/slab/cache.h"

namespace anonvma {

// The size of a tree. Entries are words inside nodes: no objects of their own.
struct RemapUse {
  std::uint64_t entries = 0;
  std::uint64_t nodes = 0;
  std::array<std::uint64_t, kArrayBytes.size()> arrays{};  // by size, as kArrayBytes
  friend bool operator==(const RemapUse&, const RemapUse&) = default;
};

class RemapTree {
 public:
  struct Range {
    std::uint64_t first = 0, last = 0;  // both included
    friend bool operator==(const Range&, const Range&) = default;
  };

  // Entries are the longest ranges that have one set of offsets.
  void add(Range range, std::int64_t offset);
  void remove(Range range, std::int64_t offset);

  // Entries are cut at the ends of `range` and never joined again. An array grows before the search
  // for an equal offset.
  void append(Range range, std::int64_t offset);
  // Every `old_offset` of the entries that `range` touches, in their whole length, becomes
  // `new_offset`. False if there is none.
  bool replace(Range range, std::int64_t old_offset, std::int64_t new_offset);

  void clear();
  RemapUse use() const;
  // Entries and offsets visited since the last call.
  std::uint64_t take_steps() { return std::exchange(steps_, 0); }

 private:
  struct Entry {
    std::uint64_t last = 0;
    std::uint64_t capacity = 0;  // of the array; 0: a tagged value
    std::vector<std::int64_t> offsets;
  };
  using Entries = std::map<std::uint64_t, Entry>;  // by first

  Entries::iterator put(std::uint64_t first, Entry entry);
  Entry take(Entries::iterator entry);
  void count_touching(Entries::const_iterator entry, bool is_there);
  void count_array(std::uint64_t capacity, bool is_there);
  void cut(Range range);
  void cut_at(std::uint64_t pgoff);
  void join(Range range);
  template <class Change>
  void spread(Range range, std::int64_t offset, Change change);
  std::uint64_t nodes() const;

  Entries entries_;
  std::uint64_t steps_ = 0;
  std::uint64_t touching_ = 0;  // pairs of neighbours without a gap between them
  std::array<std::uint64_t, kArrayBytes.size()> arrays_{};
};

}  // namespace anonvma
