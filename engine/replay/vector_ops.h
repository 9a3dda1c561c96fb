// A life written as one-line operations on single vmas, run against one strategy: the language of
// the test vectors. The order of calls is that of the VMA layer. The layer's decisions (which vmas
// merge, where a split goes) are written in the operations.
//
//   M id mm prev next start end flags   a new unfaulted vma; pages, pgoff = start
//   F id                                first write fault; nothing when faulted
//   S id new addr below                 split; the fresh vma gets the low part if below is 1
//   G keep remove                       merge the adjacent vma `remove` into `keep`
//   C id new start prev next            mremap copy; pgoff is kept if faulted, else = start
//   K id new mm childPrev               fork of one vma
//   U id                                unmap
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/ids.h"
#include "engine/result.h"
#include "engine/slab/slab_account.h"
#include "engine/strategy/registry.h"

namespace anonvma {

class VectorLife final : private Layout {
 public:
  explicit VectorLife(const StrategyChoice& strategy) : strategy_(strategy.make(slab_, *this)) {}

  // Does nothing and returns the reason if the operation is not in the language, or names a vma
  // that does not exist or neighbours that are none.
  Status apply(std::string_view text);

  const SlabAccount& slab() const { return slab_; }
  Strategy& strategy() { return *strategy_; }
  // The strategy's name of a mapped vma; none when there is no such vma.
  VmaId vma(std::uint64_t id) const { return id < names_.size() ? names_[id].vma : VmaId{}; }

 private:
  struct Op;
  struct Vma {
    std::uint64_t mm = 0, start = 0, end = 0, pgoff = 0, flags = 0;
    VmaId prev, next;
  };
  // An mm lives from its first vma to its last.
  struct Mm {
    MmSlot slot;
    std::uint64_t vmas = 0;
  };
  struct Name {
    VmaId vma;
    bool used = false;  // now or before
  };

  VmaId prev(VmaId vma) const override { return vmas_[vma.v].prev; }
  VmaId next(VmaId vma) const override { return vmas_[vma.v].next; }
  bool compatible(VmaId lower, VmaId upper) const override;
  VmaView view(VmaId vma) const override;
  void recycle(VmaId vma) override { free_.push_back(vma); }

  // Each does one operation. If it cannot, it changes nothing and returns false, with error_ set.
  bool map(const Op& op);
  bool fault(const Op& op);
  bool split(const Op& op);
  bool merge(const Op& op);
  bool copy(const Op& op);
  bool fork(const Op& op);
  bool unmap(const Op& op);

  bool fail(std::string reason);
  bool is_fresh(std::int64_t id);
  bool find(std::int64_t id, VmaId& vma);
  bool find_or_none(std::int64_t id, std::uint64_t mm, VmaId& vma);
  // Finds the neighbours that `vma` would get. All its other fields are filled in.
  bool find_place(std::int64_t prev, std::int64_t next, Vma& vma);

  // Enters the mm of a new vma. The first vma makes the mm, as a fork if `parent` is a vma.
  void enter_mm(std::uint64_t mm, VmaId parent);
  void leave_mm(std::uint64_t mm);
  VmaId make(std::int64_t id, const Vma& vma);
  void insert(VmaId vma);  // between the neighbours it names
  void remove(std::int64_t id);

  SlabAccount slab_;
  std::vector<Vma> vmas_;  // by VmaId
  std::vector<VmaId> free_;
  std::vector<Name> names_;                    // by the id in the operations
  std::unordered_map<std::uint64_t, Mm> mms_;  // by the number in the operations
  std::vector<MmSlot> free_slots_;
  std::string error_;
  std::unique_ptr<Strategy> strategy_;  // last: it refers to the rest
};

}  // namespace anonvma
