#include "engine/slab/slab_account.h"

namespace anonvma {

std::string_view op_kind_name(OpKind kind) {
  static constexpr std::array<std::string_view, kNumOpKinds> kNames{
#define OP_KIND(id) #id,
#include "engine/slab/op_kinds.def"
#undef OP_KIND
  };
  return kNames[static_cast<std::size_t>(kind)];
}

LockUse& LockUse::operator+=(const LockUse& other) {
  holds += other.holds;
  vmas += other.vmas;
  objs += other.objs;
  longest_objs = std::max(longest_objs, other.longest_objs);
  return *this;
}

OpCost& OpCost::operator+=(const OpCost& other) {
  operations += other.operations;
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    allocs[c] += other.allocs[c];
    frees[c] += other.frees[c];
  }
  locks += other.locks;
  vma_layer_locks += other.vma_layer_locks;
  return *this;
}

void SlabAccount::begin_here() {
  costs_ = {};
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    const std::uint64_t alive = usage_[c].active_objs;
    usage_[c] = {alive, alive, alive, 0};
    costs_[static_cast<std::size_t>(OpKind::start)].allocs[c] = alive;
  }
  root_locks_ = 0;
  if (slub_) slub_->begin_here();
  keep_peak();
}

SlabMoment SlabAccount::now() const {
  SlabMoment moment{event_, time_ns_, {}};
  for (std::size_t c = 0; c < kAllCaches; ++c) moment.objs[c] = usage_[c].active_objs;
  return moment;
}

void SlabAccount::keep_peak() {
  peak_bytes_ = sum_bytes_;
  peak_ = now();
}

}  // namespace anonvma
