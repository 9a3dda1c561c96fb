#include "engine/strategy/parts/remap_tree.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>
#include <utility>

namespace anonvma {
namespace {

constexpr std::uint64_t kLastPgoff = std::numeric_limits<std::uint64_t>::max();
// Slots of a maple tree that tracks its gaps: entries and gaps of a leaf, children of a node above.
constexpr std::uint64_t kLeafSlots = 16;
constexpr std::uint64_t kNodeSlots = 10;

std::uint64_t divided_up(std::uint64_t n, std::uint64_t by) { return (n + by - 1) / by; }

std::uint64_t capacity_for(std::size_t offsets) {
  return offsets < 2 ? 0 : std::bit_ceil(std::uint64_t{offsets});
}

}  // namespace

RemapTree::Entries::iterator RemapTree::put(std::uint64_t first, Entry entry) {
  count_array(entry.capacity, true);
  const auto at = entries_.insert_or_assign(first, std::move(entry)).first;
  count_touching(at, true);
  return at;
}

RemapTree::Entry RemapTree::take(Entries::iterator entry) {
  count_array(entry->second.capacity, false);
  count_touching(entry, false);
  Entry taken = std::move(entry->second);
  entries_.erase(entry);
  return taken;
}

void RemapTree::count_touching(Entries::const_iterator entry, bool is_there) {
  std::uint64_t pairs = 0;
  if (entry != entries_.begin() && std::prev(entry)->second.last + 1 == entry->first) ++pairs;
  const auto next = std::next(entry);
  if (next != entries_.end() && entry->second.last + 1 == next->first) ++pairs;
  touching_ = is_there ? touching_ + pairs : touching_ - pairs;
}

// An array that exceeds the largest cache takes several of its objects.
void RemapTree::count_array(std::uint64_t capacity, bool is_there) {
  if (capacity == 0) return;
  const auto doublings = static_cast<std::size_t>(std::countr_zero(capacity));
  const std::size_t size = std::min(doublings, arrays_.size()) - 1;
  const std::uint64_t objs = 1ull << (doublings - 1 - size);
  arrays_[size] = is_there ? arrays_[size] + objs : arrays_[size] - objs;
}

void RemapTree::cut_at(std::uint64_t pgoff) {
  auto entry = entries_.lower_bound(pgoff);
  if (entry == entries_.begin()) return;
  --entry;
  if (entry->second.last < pgoff) return;
  const std::uint64_t first = entry->first;
  Entry low = take(entry);
  Entry high = low;
  low.last = pgoff - 1;
  put(first, std::move(low));
  put(pgoff, std::move(high));
}

void RemapTree::cut(Range range) {
  cut_at(range.first);
  if (range.last != kLastPgoff) cut_at(range.last + 1);
}

// Joins touching entries with equal offsets, in `range` and at its ends.
void RemapTree::join(Range range) {
  auto entry = entries_.lower_bound(range.first);
  if (entry != entries_.begin()) --entry;
  while (entry != entries_.end() && entry->first <= range.last) {
    ++steps_;
    const auto next = std::next(entry);
    if (next == entries_.end() || entry->second.last + 1 != next->first ||
        entry->second.offsets != next->second.offsets) {
      entry = next;
      continue;
    }
    const std::uint64_t last = take(next).last;
    const std::uint64_t first = entry->first;
    Entry longer = take(entry);
    longer.last = last;
    entry = put(first, std::move(longer));
  }
}

// Calls `change` for every entry of `range`, which no entry crosses. Gaps get an
// entry with `offset`.
template <class Change>
void RemapTree::spread(Range range, std::int64_t offset, Change change) {
  for (std::uint64_t at = range.first;;) {
    const auto found = entries_.lower_bound(at);
    const bool inside = found != entries_.end() && found->first <= range.last;
    if (!inside || found->first > at)
      put(at, {inside ? found->first - 1 : range.last, 0, {offset}});
    if (!inside) return;
    Entry& entry = found->second;
    steps_ += 1 + entry.offsets.size() / 8;
    count_array(entry.capacity, false);
    change(entry);
    count_array(entry.capacity, true);
    if (entry.last >= range.last) return;
    at = entry.last + 1;
  }
}

void RemapTree::add(Range range, std::int64_t offset) {
  cut(range);
  spread(range, offset, [&](Entry& entry) {
    const auto at = std::lower_bound(entry.offsets.begin(), entry.offsets.end(), offset);
    if (at == entry.offsets.end() || *at != offset) entry.offsets.insert(at, offset);
    entry.capacity = capacity_for(entry.offsets.size());
  });
  join(range);
}

void RemapTree::remove(Range range, std::int64_t offset) {
  cut(range);
  for (auto at = entries_.lower_bound(range.first);
       at != entries_.end() && at->first <= range.last;) {
    const auto next = std::next(at);
    const std::uint64_t first = at->first;
    Entry entry = take(at);
    steps_ += 1 + entry.offsets.size() / 8;
    std::erase(entry.offsets, offset);
    entry.capacity = capacity_for(entry.offsets.size());
    if (!entry.offsets.empty()) put(first, std::move(entry));
    at = next;
  }
  join(range);
}

void RemapTree::append(Range range, std::int64_t offset) {
  cut(range);
  spread(range, offset, [&](Entry& entry) {
    if (entry.capacity == 0)
      entry.capacity = 2;
    else if (entry.capacity == entry.offsets.size())
      entry.capacity *= 2;
    // The offsets are sorted unless something was replaced. The search starts at the end.
    auto at = entry.offsets.end();
    while (at != entry.offsets.begin() && *std::prev(at) > offset) --at;
    if (at == entry.offsets.begin() || *std::prev(at) != offset) entry.offsets.insert(at, offset);
  });
}

bool RemapTree::replace(Range range, std::int64_t old_offset, std::int64_t new_offset) {
  bool found = false;
  auto entry = entries_.upper_bound(range.first);
  if (entry != entries_.begin() && std::prev(entry)->second.last >= range.first) --entry;
  for (; entry != entries_.end() && entry->first <= range.last; ++entry) {
    steps_ += 1 + entry->second.offsets.size() / 8;
    for (std::int64_t& offset : entry->second.offsets)
      if (offset == old_offset) {
        offset = new_offset;
        found = true;
      }
  }
  return found;
}

void RemapTree::clear() {
  entries_.clear();
  touching_ = 0;
  arrays_ = {};
}

// The fewest nodes a maple tree can have: full leaves, where gaps take slots as entries do,
// under full nodes.
std::uint64_t RemapTree::nodes() const {
  if (entries_.empty()) return 0;
  std::uint64_t ranges = 2 * entries_.size() - 1 - touching_;  // and the gaps between them
  if (entries_.begin()->first > 0) ++ranges;
  if (entries_.rbegin()->second.last != kLastPgoff) ++ranges;
  std::uint64_t level = divided_up(ranges, kLeafSlots);
  std::uint64_t all = level;
  while (level > 1) all += level = divided_up(level, kNodeSlots);
  return all;
}

RemapUse RemapTree::use() const { return {entries_.size(), nodes(), arrays_}; }

}  // namespace anonvma
