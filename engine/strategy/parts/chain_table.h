// The vma's side of the anon_vma_chains: the anon_vmas that each vma is linked to. A chain of up to
// kInline entries lies in the record of its vma, a longer one in a block of a shared pool. So the
// common case is one cache line, and the steady state never allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/ids.h"

namespace anonvma {

class ChainTable {
 public:
  // Oldest entry first: the kernel adds at the head of its list, this array at its end. Empty for
  // an unknown vma. Valid until the next non-const call.
  std::span<const AnonVmaId> chain(VmaId vma) const {
    if (vma.v >= records_.size()) return {};
    const Record& record = records_[vma.v];
    return {data(record), record.length};
  }
  // vma->anon_vma
  AnonVmaId anon_vma(VmaId vma) const {
    return vma.v < records_.size() ? records_[vma.v].anon_vma : AnonVmaId{};
  }

  void set_anon_vma(VmaId vma, AnonVmaId anon_vma);
  void push(VmaId vma, AnonVmaId anon_vma);
  // Makes `dst`, whose chain is empty, a copy of `src`, in order or reversed; returns the copy.
  std::span<const AnonVmaId> copy(VmaId dst, VmaId src, bool reverse);
  // Empties the chain and resets anon_vma.
  void clear(VmaId vma);

 private:
  static constexpr std::uint32_t kInline = 6;
  static constexpr std::uint32_t kUnit = 8;  // block sizes are kUnit << size_class entries
  static constexpr std::uint32_t kNoBlock = 0xffffffffu;

  struct Record {
    AnonVmaId anon_vma;
    std::uint32_t length = 0;
    // Longer chains: [0] is the block's place in the pool in units, [1] its size class.
    std::array<AnonVmaId, kInline> entries{};
  };
  static_assert(sizeof(Record) == 32);

  const AnonVmaId* data(const Record& record) const {
    if (record.length <= kInline) return record.entries.data();
    return &pool_[std::size_t{record.entries[0].v} * kUnit];
  }
  AnonVmaId* data(Record& record) {
    return const_cast<AnonVmaId*>(static_cast<const ChainTable*>(this)->data(record));
  }
  Record& record(VmaId vma);
  std::uint32_t take_block(std::uint32_t size_class);
  void give_block(const Record& record);
  void grow(Record& record);

  std::vector<Record> records_;  // by VmaId
  std::vector<AnonVmaId> pool_;
  // First free block of each class; a free block's first entry is the next one.
  std::array<std::uint32_t, 32> free_blocks_ = filled();
  static constexpr std::array<std::uint32_t, 32> filled() {
    std::array<std::uint32_t, 32> none{};
    none.fill(kNoBlock);
    return none;
  }
};

}  // namespace anonvma
