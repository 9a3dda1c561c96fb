#include "engine/vma/vma_table.h"

namespace anonvma {
namespace {
constexpr std::size_t kMovesPerStep = 16;  // entries of a list that one step of the budget moves
}  // namespace

VmaId VmaTable::prev(VmaId id) const {
  const Vma& vma = table_[id.v];
  const VmaList& list = mms_[vma.mm].list;
  const std::size_t i = list.find(vma.start);
  return i > 0 ? list[i - 1] : VmaId{};
}

VmaId VmaTable::next(VmaId id) const {
  const Vma& vma = table_[id.v];
  const VmaList& list = mms_[vma.mm].list;
  const std::size_t i = list.find(vma.end);
  return i < list.size() ? list[i] : VmaId{};
}

bool VmaTable::compatible(VmaId lower, VmaId upper) const {
  const Vma& a = table_[lower.v];
  const Vma& b = table_[upper.v];
  return a.end == b.start && a.file == b.file &&
         ((a.flags ^ b.flags) & ~rules_.ignored_by_sharing()) == 0 &&
         b.pgoff == a.pgoff + page_.pages(b.start - a.start) && a.policy == b.policy &&
         (!rules_.anon_pgoff || a.file == 0 || a.displaced == b.displaced);
}

VmaView VmaTable::view(VmaId id) const {
  const Vma& vma = table_[id.v];
  return {.mm = MmSlot{vma.mm},
          .start = page_.pages(vma.start),
          .pages = page_.pages(vma.end - vma.start),
          .pgoff = vma.pgoff,
          .file = vma.file,
          .anonymous = vma.anonymous(),
          .has_close = vma.has_close()};
}

VmaId VmaTable::alloc(const Vma& attributes) {
  slab_.alloc(kVmAreaStruct);
  if (free_.empty()) {
    table_.push_back(attributes);
    return VmaId{static_cast<std::uint32_t>(table_.size() - 1)};
  }
  const VmaId id{free_.back()};
  free_.pop_back();
  table_[id.v] = attributes;
  return id;
}

void VmaTable::insert(VmaId id) {
  const Vma& vma = table_[id.v];
  VmaList& list = mms_[vma.mm].list;
  const std::size_t i = list.find(vma.start);
  slab_.worked(list.distance(i) / kMovesPerStep);
  list.insert(i, vma.end, id);
}

void VmaTable::erase(VmaId id) {
  const Vma& vma = table_[id.v];
  Mm& mm = mms_[vma.mm];
  if (mm.last == id) mm.last = {};
  const std::size_t i = mm.list.find(vma.start);
  slab_.worked(mm.list.distance(i) / kMovesPerStep);
  mm.list.erase(i);
}

void VmaTable::erase_range(Mm& mm, std::uint64_t start, std::size_t count) {
  const std::size_t first = mm.list.find(start);
  slab_.worked(count + mm.list.distance(first) / kMovesPerStep);
  mm.list.erase(first, count);
  mm.last = {};
}

void VmaTable::set_start(VmaId id, std::uint64_t start, bool with_pgoff) {
  Vma& vma = table_[id.v];
  if (with_pgoff) vma.pgoff += page_.pages(start) - page_.pages(vma.start);
  vma.start = start;
  strategy_->resized(id);
}

void VmaTable::set_end(VmaId id, std::uint64_t end) {
  Vma& vma = table_[id.v];
  VmaList& list = mms_[vma.mm].list;
  list.set_end(list.find(vma.start), end);
  vma.end = end;
  strategy_->resized(id);
}

}  // namespace anonvma
