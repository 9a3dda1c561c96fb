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
  if (timeline_) timeline_->begin_with(now().objs, sum_bytes_);
  keep_peak();
}

// The model's bytes for each object: the data of the VMA layer and of the strategies, with the
// spare room of their arrays. Arrays do not shrink, so peaks count.
Budget SlabAccount::spent() const {
  constexpr std::array<std::uint64_t, kAllCaches> kBytes = [] {
    std::array<std::uint64_t, kAllCaches> bytes{};
    bytes[kVmAreaStruct] = 160;
    bytes[kAnonVmaChain] = 12;
    bytes[kAnonVma] = 56;
    bytes[kCowContext] = 512;
    bytes[kMapleNode] = std::uint64_t{16} * 128;  // an entry of the tree is a node of its own here
    for (std::size_t i = 0; i < kArrayBytes.size(); ++i) bytes[kCowRemapArray + i] = kArrayBytes[i];
    return bytes;
  }();
  Budget spent{other_bytes_, steps_};
  for (std::size_t c = 0; c < kAllCaches; ++c) spent.bytes += usage_[c].peak_objs * kBytes[c];
  if (slub_)
    spent.bytes += 16 * (usage_[kVmAreaStruct].peak_objs + usage_[kAnonVmaChain].peak_objs);
  return spent;
}

void SlabAccount::look_at_budget() {
  constexpr std::uint64_t kBetweenLooks = 4096;
  next_look_ = steps_ + kBetweenLooks;
  const Budget now = spent();
  over_budget_ |= now.bytes > budget_.bytes || now.steps > budget_.steps;
}

SlabMoment SlabAccount::now() const {
  SlabMoment moment{event_, time_ns_, {}};
  for (std::size_t c = 0; c < kAllCaches; ++c) moment.objs[c] = usage_[c].active_objs;
  return moment;
}

void SlabAccount::extend_timeline() { timeline_->take(time_ns_, now().objs, sum_bytes_); }

std::optional<Timeline> SlabAccount::timeline() const {
  if (!timeline_) return {};
  Timeline whole = *timeline_;
  whole.take(time_ns_, now().objs, sum_bytes_);
  return whole;
}

void SlabAccount::keep_peak() {
  peak_bytes_ = sum_bytes_;
  peak_ = now();
}

}  // namespace anonvma
