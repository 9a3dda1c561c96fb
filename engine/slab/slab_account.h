// The account book of one replay: every object a model allocates or frees passes through here,
// so that no strategy can count by itself.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/slab/budget.h"
#include "engine/slab/cache.h"
#include "engine/slab/counts.h"
#include "engine/slab/op_kind.h"
#include "engine/slab/slub_model.h"
#include "engine/slab/timeline.h"

namespace anonvma {

struct CacheUsage {
  std::uint64_t active_objs = 0;
  std::uint64_t peak_objs = 0;  // this cache's own peak
  std::uint64_t allocs = 0;
  std::uint64_t frees = 0;
  friend bool operator==(const CacheUsage&, const CacheUsage&) = default;
};

// Acquisitions of root locks (of an anon_vma's own lock in designs without roots).
struct LockUse {
  std::uint64_t holds = 0;
  std::uint64_t vmas = 0;          // sum of the vmas handled under them
  std::uint64_t objs = 0;          // sum of the objects linked or unlinked under them
  std::uint64_t longest_objs = 0;  // the most objects under one of them
  LockUse& operator+=(const LockUse& other);
  friend bool operator==(const LockUse&, const LockUse&) = default;
};

// The cost of all operations of one kind.
struct OpCost {
  std::uint64_t operations = 0;
  std::array<std::uint64_t, kAllCaches> allocs{}, frees{};
  LockUse locks;  // in mm/rmap.c, exact
  // Locks of mm/vma.c, counted by its source and never compared with a kernel.
  std::uint64_t vma_layer_locks = 0;
  OpCost& operator+=(const OpCost& other);
  friend bool operator==(const OpCost&, const OpCost&) = default;
};

// All caches together at one moment between two operations.
struct SlabMoment {
  std::uint64_t event = 0;  // index in the trace of the last operation before it
  std::uint64_t time_ns = 0;
  ObjsByAnyCache objs{};
  friend bool operator==(const SlabMoment&, const SlabMoment&) = default;
};

// Every allocation of every model passes through here, so its 18 fields lie side by side: counters,
// the moment of the peak, the timeline, and the budget.
class SlabAccount {
 public:
  explicit SlabAccount(const CacheSpecs& specs = default_cache_specs()) {
    for (std::size_t c = 0; c < kAllCaches; ++c) objsize_[c] = specs[c].objsize;
  }

  // Turns on the SLUB model, which counts slabs. To be called before the first object.
  void enable_slub(const CacheSpecs& specs, std::uint64_t page_size, std::uint64_t cpus) {
    slub_ = std::make_unique<SlubModel>(specs, page_size, cpus);
  }

  // Turns on the timeline. To be called before the first object.
  void enable_timeline() { timeline_ = std::make_unique<Timeline>(); }

  // Sets the budget of this replay; by default there is no limit. Nothing stops by itself: the
  // caller asks over_budget() after each event, and in long loops.
  void limit(const Budget& budget) { budget_ = budget; }
  bool over_budget() const { return over_budget_; }
  // Charges `steps` of work that allocates nothing to the budget.
  void worked(std::uint64_t steps) {
    if ((steps_ += steps) >= next_look_) look_at_budget();
  }
  // Adds memory of the model that is not in its objects.
  void holds(std::uint64_t bytes) { other_bytes_ += bytes; }
  void drops(std::uint64_t bytes) { other_bytes_ -= bytes; }
  // An estimate of all memory, and the steps so far.
  Budget spent() const;

  // Until end_op() all costs belong to an operation of this kind, done by the task `tid`. If
  // `counts` is false, the operation is not counted as a new one.
  void begin_op(OpKind kind, std::uint64_t event, std::uint64_t time_ns, bool counts = true,
                std::uint32_t tid = 0) {
    if (slub_) slub_->on_cpu_of(tid);
    cost_ = &costs_[static_cast<std::size_t>(kind)];
    cost_->operations += counts ? 1 : 0;
    event_ = event;
    time_ns_ = time_ns;
    before_op_ = counted();
  }
  // The allocations and frees of the last operation so far, in the caches that kernels have.
  Counts of_op() const { return counted() - before_op_; }
  // Counts an operation that allocates and frees nothing.
  void pass_by(OpKind kind, std::uint64_t event, std::uint64_t time_ns) {
    ++costs_[static_cast<std::size_t>(kind)].operations;
    event_ = event;
    time_ns_ = time_ns;
  }
  void end_op() {
    if (sum_bytes_ > peak_bytes_) keep_peak();
    if (timeline_) extend_timeline();
  }

  // From here on objects are allocated and freed for this mm. The number is small and is reused
  // after holder_gone(). It matters to the SLUB model only.
  void acts_for(std::uint32_t holder) {
    if (slub_) slub_->acts_for(holder);
  }
  void holder_gone(std::uint32_t holder) {
    if (slub_) slub_->holder_gone(holder);
  }

  void alloc(CacheIndex cache, std::uint64_t n = 1) {
    CacheUsage& use = usage_[cache];
    use.allocs += n;
    use.active_objs += n;
    use.peak_objs = std::max(use.peak_objs, use.active_objs);
    cost_->allocs[cache] += n;
    sum_bytes_ += n * objsize_[cache];
    if (slub_) slub_->alloc(cache, n);
    worked(n);
  }
  void free(CacheIndex cache, std::uint64_t n = 1) {
    CacheUsage& use = usage_[cache];
    assert(use.active_objs >= n);
    use.frees += n;
    use.active_objs -= n;
    cost_->frees[cache] += n;
    sum_bytes_ -= n * objsize_[cache];
    if (slub_) slub_->free(cache, n);
    worked(n);
  }
  // Resets the counters. Each object alive now counts as one allocation made before the start.
  void begin_here();
  // `holds` acquisitions of a root lock, each linking or unlinking `objs` objects of `vmas` vmas.
  void root_lock(std::uint64_t objs = 1, std::uint64_t holds = 1, std::uint64_t vmas = 1) {
    LockUse& locks = cost_->locks;
    root_locks_ += holds;
    locks.holds += holds;
    locks.vmas += holds * vmas;
    locks.objs += holds * objs;
    locks.longest_objs = std::max(locks.longest_objs, objs);
  }
  void vma_layer_lock(std::uint64_t n = 1) { cost_->vma_layer_locks += n; }

  const CacheUsage& usage(CacheIndex cache) const { return usage_[cache]; }
  std::uint64_t root_locks() const { return root_locks_; }
  const OpCost& cost(OpKind kind) const { return costs_[static_cast<std::size_t>(kind)]; }
  SlabMoment now() const;
  // Nothing without enable_slub().
  std::optional<SlubUses> slub() const {
    return slub_ ? std::optional(slub_->uses()) : std::nullopt;
  }
  // The timeline up to the last event; nothing without enable_timeline().
  std::optional<Timeline> timeline() const;
  // The moment between two operations at which all caches together held the most bytes.
  const SlabMoment& peak() const { return peak_; }

 private:
  Counts counted() const {
    Counts now;
    for (std::size_t c = 0; c < kNumCaches; ++c) {
      now.allocs[c] = usage_[c].allocs;
      now.frees[c] = usage_[c].frees;
    }
    return now;
  }
  void keep_peak();
  void extend_timeline();
  void look_at_budget();

  std::array<CacheUsage, kAllCaches> usage_{};
  std::array<std::uint64_t, kAllCaches> objsize_{};
  std::array<OpCost, kNumOpKinds> costs_{};
  OpCost* cost_ = costs_.data();
  std::uint64_t root_locks_ = 0;
  std::uint64_t sum_bytes_ = 0, peak_bytes_ = 0;
  std::uint64_t event_ = 0, time_ns_ = 0;
  Counts before_op_;
  SlabMoment peak_;
  std::unique_ptr<SlubModel> slub_;
  std::unique_ptr<Timeline> timeline_;

  Budget budget_;
  std::uint64_t steps_ = 0, next_look_ = 0;
  std::uint64_t other_bytes_ = 0;
  bool over_budget_ = false;
};

}  // namespace anonvma
