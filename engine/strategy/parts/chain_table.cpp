#include "engine/strategy/parts/chain_table.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace anonvma {

ChainTable::Record& ChainTable::record(VmaId vma) {
  assert(vma);
  if (vma.v >= records_.size()) records_.resize(std::size_t{vma.v} + 1);
  return records_[vma.v];
}

std::uint32_t ChainTable::take_block(std::uint32_t size_class) {
  const std::uint32_t block = free_blocks_[size_class];
  if (block != kNoBlock) {
    free_blocks_[size_class] = pool_[std::size_t{block} * kUnit].v;
    return block;
  }
  const std::size_t place = pool_.size();
  pool_.resize(place + (std::size_t{kUnit} << size_class));
  return static_cast<std::uint32_t>(place / kUnit);
}

void ChainTable::give_block(const Record& record) {
  const std::uint32_t block = record.entries[0].v, size_class = record.entries[1].v;
  pool_[std::size_t{block} * kUnit] = AnonVmaId{free_blocks_[size_class]};
  free_blocks_[size_class] = block;
}

// Makes room for one more entry in a full chain.
void ChainTable::grow(Record& record) {
  const bool spilled = record.length > kInline;
  const std::uint32_t size_class = spilled ? record.entries[1].v + 1 : 0;
  const std::uint32_t block = take_block(size_class);
  std::copy_n(data(record), record.length, &pool_[std::size_t{block} * kUnit]);
  if (spilled) give_block(record);
  record.entries[0] = AnonVmaId{block};
  record.entries[1] = AnonVmaId{size_class};
}

void ChainTable::set_anon_vma(VmaId vma, AnonVmaId anon_vma) { record(vma).anon_vma = anon_vma; }

void ChainTable::push(VmaId vma, AnonVmaId anon_vma) {
  Record& r = record(vma);
  const bool full = r.length < kInline    ? false
                    : r.length == kInline ? true
                                          : r.length == kUnit << r.entries[1].v;
  if (full) grow(r);
  ++r.length;  // first: data() tells inline from pool by the length
  data(r)[r.length - 1] = anon_vma;
}

std::span<const AnonVmaId> ChainTable::copy(VmaId dst, VmaId src, bool reverse) {
  record(src);
  Record& to = record(dst);
  const Record& from = records_[src.v];
  assert(to.length == 0);
  if (from.length > kInline) {
    // One entry to spare: in a fork the child's own anon_vma is pushed next.
    const std::uint32_t units = (from.length + kUnit) / kUnit;
    const auto size_class = static_cast<std::uint32_t>(std::bit_width(units - 1));
    to.entries[0] = AnonVmaId{take_block(size_class)};
    to.entries[1] = AnonVmaId{size_class};
  }
  to.length = from.length;
  if (reverse)
    std::reverse_copy(data(from), data(from) + from.length, data(to));
  else
    std::copy_n(data(from), from.length, data(to));
  return {data(to), to.length};
}

void ChainTable::clear(VmaId vma) {
  if (vma.v >= records_.size()) return;
  Record& r = records_[vma.v];
  if (r.length > kInline) give_block(r);
  r.length = 0;
  r.anon_vma = AnonVmaId{};
}

}  // namespace anonvma
