#include "engine/slab/slub_model.h"

#include <algorithm>
#include <cassert>

#include "engine/slab/geometry.h"

namespace anonvma {

SlubCache::SlubCache(Limits limits) : limits_(limits), cpus_(limits.cpus), holders_(1) {}

// Slabs.

std::uint32_t SlubCache::new_slab() {
  auto slab = static_cast<std::uint32_t>(slabs_.size());
  if (free_slabs_.empty()) {
    slabs_.emplace_back();
  } else {
    slab = free_slabs_.back();
    free_slabs_.pop_back();
    slabs_[slab] = {};
  }
  use_.slabs_peak = std::max(use_.slabs_peak, ++use_.slabs_end);
  return slab;
}

void SlubCache::discard(std::uint32_t slab) {
  free_slabs_.push_back(slab);
  --use_.slabs_end;
}

void SlubCache::add_to_node(std::uint32_t slab) {
  slabs_[slab].on = On::node_list;
  slabs_[slab].next = kNone;
  slabs_[slab].prev = node_tail_;
  (node_tail_ == kNone ? node_head_ : slabs_[node_tail_].next) = slab;
  node_tail_ = slab;
  ++node_partials_;
}

void SlubCache::remove_from_node(std::uint32_t slab) {
  const Slab& gone = slabs_[slab];
  (gone.prev == kNone ? node_head_ : slabs_[gone.prev].next) = gone.next;
  (gone.next == kNone ? node_tail_ : slabs_[gone.next].prev) = gone.prev;
  --node_partials_;
}

// __put_partials()
void SlubCache::move_to_node(Cpu& cpu) {
  for (std::uint32_t slab = cpu.partial; slab != kNone;) {
    const std::uint32_t next = slabs_[slab].next;
    if (slabs_[slab].inuse == 0 && node_partials_ >= limits_.min_partial)
      discard(slab);
    else
      add_to_node(slab);
    slab = next;
  }
  cpu.partial = kNone;
  cpu.partials = 0;
}

// put_cpu_partial(), without its test for a full list.
void SlubCache::put_on_cpu(Cpu& cpu, std::uint32_t slab) {
  slabs_[slab].on = On::cpu_list;
  slabs_[slab].next = cpu.partial;
  cpu.partial = slab;
  ++cpu.partials;
}

// get_partial_node(): a slab to allocate from, and some slabs for the CPU's list.
std::uint32_t SlubCache::take_from_node(Cpu& cpu) {
  const std::uint32_t taken = node_head_;
  remove_from_node(taken);
  for (std::uint32_t more = 0; node_head_ != kNone && more <= limits_.cpu_partial_slabs / 2;
       ++more) {
    const std::uint32_t slab = node_head_;
    remove_from_node(slab);
    put_on_cpu(cpu, slab);
  }
  return taken;
}

// ___slab_alloc(), when the active slab has no free object left.
std::uint32_t SlubCache::refill(Cpu& cpu) {
  if (cpu.active != kNone) slabs_[cpu.active].on = On::none;
  if (cpu.partial != kNone) {
    cpu.active = cpu.partial;
    cpu.partial = slabs_[cpu.active].next;
    --cpu.partials;
  } else {
    cpu.active = node_head_ != kNone ? take_from_node(cpu) : new_slab();
  }
  slabs_[cpu.active].on = On::active;
  return cpu.active;
}

// __slab_free() of `n` objects of one slab.
void SlubCache::leave(Cpu& cpu, std::uint32_t slab, std::uint32_t n) {
  assert(slabs_[slab].inuse >= n && (slabs_[slab].on != On::none || full(slabs_[slab])));
  slabs_[slab].inuse -= n;
  switch (slabs_[slab].on) {
    case On::active:
    case On::cpu_list:
      return;
    case On::none:
      if (cpu.partials >= limits_.cpu_partial_slabs) move_to_node(cpu);
      return put_on_cpu(cpu, slab);
    case On::node_list:
      if (slabs_[slab].inuse > 0 || node_partials_ < limits_.min_partial) return;
      remove_from_node(slab);
      return discard(slab);
  }
}

// Objects.

std::uint32_t SlubCache::row(std::uint32_t holder) {
  if (holder == kNobody) return 0;
  if (holder + 1 >= holders_.size()) holders_.resize(std::size_t{holder} + 2);
  return holder + 1;
}

void SlubCache::push(std::uint32_t row, std::uint32_t slab, std::uint32_t n) {
  Holder& holder = holders_[row];
  if (holder.top != kNone && runs_[holder.top].slab == slab) {
    runs_[holder.top].count += n;
    return;
  }
  std::uint32_t run = free_run_;
  if (run == kNone) {
    run = static_cast<std::uint32_t>(runs_.size());
    runs_.emplace_back();
  } else {
    free_run_ = runs_[run].below;
  }
  runs_[run] = {slab, n, holder.top};
  if (holder.top == kNone) {
    holder.bottom = run;
    if (row != 0) {
      holder.prev = last_holder_;
      holder.next = kNone;
      (last_holder_ == kNone ? first_holder_ : holders_[last_holder_].next) = row;
      last_holder_ = row;
    }
  }
  holder.top = run;
}

void SlubCache::unlist(std::uint32_t row) {
  if (row == 0) return;
  const Holder& gone = holders_[row];
  (gone.prev == kNone ? first_holder_ : holders_[gone.prev].next) = gone.next;
  (gone.next == kNone ? last_holder_ : holders_[gone.next].prev) = gone.prev;
}

void SlubCache::drop_top(std::uint32_t row) {
  Holder& holder = holders_[row];
  const std::uint32_t run = holder.top;
  holder.top = runs_[run].below;
  runs_[run].below = free_run_;
  free_run_ = run;
  if (holder.top == kNone) unlist(row);
}

// The row that an object of `row` is really taken from: another one if `row` has none left.
std::uint32_t SlubCache::whose(std::uint32_t row) const {
  if (holders_[row].top != kNone) return row;
  return holders_[0].top != kNone ? 0 : first_holder_;
}

void SlubCache::alloc(std::uint32_t cpu, std::uint32_t holder, std::uint64_t n) {
  Cpu& here = cpus_[cpu];
  const std::uint32_t to = row(holder);
  while (n > 0) {
    std::uint32_t slab = here.active;
    if (slab == kNone || full(slabs_[slab])) slab = refill(here);
    const auto taken = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(n, limits_.objperslab - slabs_[slab].inuse));
    slabs_[slab].inuse += taken;
    push(to, slab, taken);
    n -= taken;
  }
}

void SlubCache::free(std::uint32_t cpu, std::uint32_t holder, std::uint64_t n) {
  const std::uint32_t wanted = row(holder);
  while (n > 0) {
    const std::uint32_t from = whose(wanted);
    if (from == kNone) return;
    Run& run = runs_[holders_[from].top];
    const std::uint32_t slab = run.slab;
    const auto freed = static_cast<std::uint32_t>(std::min<std::uint64_t>(n, run.count));
    run.count -= freed;
    if (run.count == 0) drop_top(from);
    if (from != wanted) use_.guessed_frees += freed;
    leave(cpus_[cpu], slab, freed);
    n -= freed;
  }
}

void SlubCache::holder_gone(std::uint32_t holder) {
  if (holder == kNobody || holder + 1 >= holders_.size()) return;
  Holder &gone = holders_[holder + 1], &dead = holders_[0];
  if (gone.top == kNone) return;
  unlist(holder + 1);
  runs_[gone.bottom].below = dead.top;
  if (dead.top == kNone) dead.bottom = gone.bottom;
  dead.top = gone.top;
  gone.top = kNone;
}

void SlubCache::begin_here() { use_ = {use_.slabs_end, use_.slabs_end, 0}; }

// All caches.

SlubModel::SlubModel(const CacheSpecs& specs, std::uint64_t page_size, std::uint64_t cpus)
    : cpus_(slub_cpus(cpus)) {
  for (const CacheSpec& spec : specs)
    caches_.emplace_back(
        SlubCache::Limits{std::max(spec.objperslab, 1u),
                          slub_cpu_partial_slabs(spec.objsize, spec.objperslab, page_size),
                          slub_min_partial(spec.objsize), cpus_});
}

void SlubModel::holder_gone(std::uint32_t holder) {
  for (SlubCache& cache : caches_) cache.holder_gone(holder);
  if (holder_ == holder) holder_ = SlubCache::kNobody;
}

void SlubModel::begin_here() {
  for (SlubCache& cache : caches_) cache.begin_here();
}

SlubUses SlubModel::uses() const {
  SlubUses uses;
  for (std::size_t c = 0; c < kAllCaches; ++c) uses[c] = caches_[c].use();
  return uses;
}

}  // namespace anonvma
