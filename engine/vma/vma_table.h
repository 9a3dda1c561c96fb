// All vmas of a replay: their ids, and their order in the list of each mm. A strategy sees them as
// its Layout.
//
// Look-ups and loops are charged to the budget here, and not in code that mirrors the kernel's. Ids
// of freed vmas are reused.
//
// Same: find_vma(), vma_lookup(), vma_next() and vma_prev(). Simplified: a sorted list stands for the
// maple tree, so its nodes are neither modelled nor counted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/ids.h"
#include "engine/slab/slab_account.h"
#include "engine/strategy/registry.h"
#include "engine/strategy/strategy.h"
#include "engine/vma/kernel_rules.h"
#include "engine/vma/mm_table.h"
#include "engine/vma/page_size.h"
#include "engine/vma/vma.h"

namespace anonvma {

class VmaTable final : public Layout {
 public:
  VmaTable(const KernelRules& rules, PageSize page, const StrategyChoice& strategy,
           SlabAccount& slab, MmTable& mms)
      : rules_(rules), page_(page), slab_(slab), mms_(mms), strategy_(strategy.make(slab, *this)) {}

  Vma& operator[](VmaId id) { return table_[id.v]; }
  const Vma& operator[](VmaId id) const { return table_[id.v]; }
  Strategy& strategy() { return *strategy_; }
  const Strategy& strategy() const { return *strategy_; }

  // Layout.
  VmaId prev(VmaId id) const override;
  VmaId next(VmaId id) const override;
  bool compatible(VmaId lower, VmaId upper) const override;
  VmaView view(VmaId id) const override;
  void recycle(VmaId vma) override { free_.push_back(vma.v); }

  // vma_lookup(): the vma that holds `addr`, none.
  VmaId vma_lookup(Mm& mm, std::uint64_t addr) {
    if (mm.last) {
      const Vma& last = table_[mm.last.v];
      if (last.start <= addr && addr < last.end) return mm.last;
    }
    const std::size_t i = mm.list.find(addr);
    if (i == mm.list.size() || table_[mm.list[i].v].start > addr) return {};
    return mm.last = mm.list[i];
  }
  // find_vma(): the first vma that ends above `addr`, none. One step of the budget.
  VmaId find_vma(const Mm& mm, std::uint64_t addr) {
    slab_.worked(1);
    const std::size_t i = mm.list.find(addr);
    return i < mm.list.size() ? mm.list[i] : VmaId{};
  }
  // The vmas on both sides of an unmapped `addr`.
  struct Neighbours {
    VmaId prev, next;
  };
  static Neighbours neighbours(const Mm& mm, std::uint64_t addr) {
    const std::size_t i = mm.list.find(addr);
    return {i > 0 ? mm.list[i - 1] : VmaId{}, i < mm.list.size() ? mm.list[i] : VmaId{}};
  }

  // for_each_vma_range(): the vmas that overlap [start, end). Each costs a step of the budget. The
  // list must not change meanwhile.
  class Range;
  Range range(const Mm& mm, std::uint64_t start, std::uint64_t end);

  // A new vma in no list. insert() puts it into the list of its mm, erase() removes it.
  VmaId alloc(const Vma& attributes);
  void insert(VmaId id);
  void erase(VmaId id);
  // Erases the `count` vmas from the one that begins at `start`.
  void erase_range(Mm& mm, std::uint64_t start, std::size_t count);
  void set_start(VmaId id, std::uint64_t start, bool with_pgoff);
  void set_end(VmaId id, std::uint64_t end);

  // An id for a file that the recorder could not name. A slice has such ids: they are reserved.
  FileId unnamed_file() { return kUnnamedFile | ++unnamed_files_; }
  void reserve_unnamed(FileId file) {
    if (file & kUnnamedFile) unnamed_files_ = std::max(unnamed_files_, file & ~kUnnamedFile);
  }

 private:
  const KernelRules& rules_;
  const PageSize page_;
  SlabAccount& slab_;
  MmTable& mms_;
  std::vector<Vma> table_;
  std::vector<std::uint32_t> free_;
  FileId unnamed_files_ = 0;
  std::unique_ptr<Strategy> strategy_;  // made last: it keeps a reference to this table
};

class VmaTable::Range {
 public:
  Range(VmaTable& table, const Mm& mm, std::uint64_t start, std::uint64_t end)
      : table_(table), list_(mm.list), first_(mm.list.find(start)), end_(end) {}

  struct Sentinel {};
  class Iterator {
   public:
    Iterator(const Range& range, std::size_t i) : range_(range), i_(i) {}
    VmaId operator*() const { return range_.list_[i_]; }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    bool operator==(Sentinel) const {
      range_.table_.slab_.worked(1);
      return i_ >= range_.list_.size() || range_.table_[range_.list_[i_]].start >= range_.end_;
    }

   private:
    const Range& range_;
    std::size_t i_;
  };
  Iterator begin() const { return {*this, first_}; }
  static Sentinel end() { return {}; }

 private:
  VmaTable& table_;
  const VmaList& list_;
  std::size_t first_;
  std::uint64_t end_;
};

inline VmaTable::Range VmaTable::range(const Mm& mm, std::uint64_t start, std::uint64_t end) {
  return {*this, mm, start, end};
}

}  // namespace anonvma
