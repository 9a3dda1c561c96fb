// The vmas of one mm in address order: a gap buffer of (end, vma), because edits come in runs at
// one place and look-ups are everywhere. Positions are indices; any edit invalidates them.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/ids.h"

namespace anonvma {

class VmaList {
 public:
  std::size_t size() const { return entries_.size() - gap_length_; }
  VmaId operator[](std::size_t i) const { return entries_[physical(i)].vma; }

  // Position of the first vma that ends above `addr`; size() when there is none.
  std::size_t find(std::uint64_t addr) const {
    const auto begin = entries_.begin();
    const auto gap = static_cast<std::ptrdiff_t>(gap_at_);
    const auto ends_above = [](std::uint64_t a, const Entry& e) { return a < e.end; };
    if (gap_at_ > 0 && entries_[gap_at_ - 1].end > addr)
      return static_cast<std::size_t>(std::upper_bound(begin, begin + gap, addr, ends_above) -
                                      begin);
    const auto after = begin + gap + static_cast<std::ptrdiff_t>(gap_length_);
    return gap_at_ + static_cast<std::size_t>(
                         std::upper_bound(after, entries_.end(), addr, ends_above) - after);
  }

  // How many entries an edit at `i` moves.
  std::size_t distance(std::size_t i) const { return i < gap_at_ ? gap_at_ - i : i - gap_at_; }
  void insert(std::size_t i, std::uint64_t end, VmaId vma) {
    if (gap_length_ == 0) grow();
    move_gap(i);
    entries_[gap_at_++] = {end, vma};
    --gap_length_;
  }
  // Appends at the end; for building a list in order.
  void append(std::uint64_t end, VmaId vma) { insert(size(), end, vma); }
  void erase(std::size_t i, std::size_t n = 1) {
    assert(i + n <= size());
    move_gap(i);
    gap_length_ += n;
  }
  void set_end(std::size_t i, std::uint64_t end) { entries_[physical(i)].end = end; }
  void clear() {
    entries_.clear();
    gap_at_ = gap_length_ = 0;
  }

 private:
  struct Entry {
    std::uint64_t end = 0;
    VmaId vma;
  };

  std::size_t physical(std::size_t i) const { return i < gap_at_ ? i : i + gap_length_; }

  void move_gap(std::size_t to) {
    const auto at = [this](std::size_t i) {
      return entries_.begin() + static_cast<std::ptrdiff_t>(i);
    };
    if (to < gap_at_) std::move_backward(at(to), at(gap_at_), at(gap_at_ + gap_length_));
    if (to > gap_at_) std::move(at(gap_at_ + gap_length_), at(to + gap_length_), at(gap_at_));
    gap_at_ = to;
  }

  void grow() {
    move_gap(size());
    const std::size_t more = std::max<std::size_t>(16, entries_.size() / 2);
    entries_.resize(entries_.size() + more);
    gap_length_ += more;
  }

  std::vector<Entry> entries_;
  std::size_t gap_at_ = 0;
  std::size_t gap_length_ = 0;
};

}  // namespace anonvma
