// The number of slabs that SLUB would hold for the objects of a replay. Perfect packing is a lower
// bound; the kernel also keeps partial slabs per CPU and per node, and dead objects leave holes.
//
// Follows mm/slub.c of 5.16 and later (the 6.8 form of "frozen"), one object after the other:
//  - same: the active slab of each CPU; its list of partial slabs, bounded by
//    slub_cpu_partial_slabs() and moved to the node whole when it overflows; a full slab that loses
//    an object goes to the CPU that freed; the node's list, first in first out, which keeps
//    slub_min_partial() empty slabs; refills from it, half a CPU's list at once.
//  - simplified: a task stays on CPU tid % cpus. An account has no names for objects, so an mm
//    frees the object it allocated last. The guess is right within an operation, and at exit, when
//    all objects go. An mm without objects (an anon_vma may outlive its mm) frees one that a dead
//    mm left, else one of the mm that has had some for longest. These frees count as guessed.
//  - ignored: sheaves (6.18 has them for vm_area_struct), the end of CPU lists (7.2), NUMA nodes,
//    frees delayed by RCU, frees on a CPU that an interrupt came to, shrinking, CPU hotplug, and
//    other users of a merged cache (anon_vma_chain and the kmalloc sizes).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/slab/cache.h"

namespace anonvma {

struct SlubUse {
  std::uint64_t slabs_end = 0;
  std::uint64_t slabs_peak = 0;     // this cache's own peak
  std::uint64_t guessed_frees = 0;  // frees of objects that the acting mm had not allocated
  friend bool operator==(const SlubUse&, const SlubUse&) = default;
};
using SlubUses = std::array<SlubUse, kAllCaches>;

// One kmem_cache. Memory is bounded by the most objects that were alive at once; the steady
// state allocates nothing.
class SlubCache {
 public:
  struct Limits {
    std::uint32_t objperslab = 1;
    std::uint32_t cpu_partial_slabs = 0;
    std::uint32_t min_partial = 0;
    std::uint32_t cpus = 1;
  };
  // Holders of objects: small numbers, which are reused after holder_gone().
  static constexpr std::uint32_t kNobody = ~0u;

  explicit SlubCache(Limits limits);

  void alloc(std::uint32_t cpu, std::uint32_t holder, std::uint64_t n);
  // Frees `n` objects, at most as many as are alive.
  void free(std::uint32_t cpu, std::uint32_t holder, std::uint64_t n);
  void holder_gone(std::uint32_t holder);
  void begin_here();

  const SlubUse& use() const { return use_; }

 private:
  static constexpr std::uint32_t kNone = ~0u;
  enum class On : std::uint8_t { none, active, cpu_list, node_list };
  struct Slab {
    std::uint32_t inuse = 0;
    std::uint32_t next = kNone, prev = kNone;  // a CPU's list is linked one way
    On on = On::none;                          // a full slab is on no list
  };
  struct Cpu {
    std::uint32_t active = kNone;
    std::uint32_t partial = kNone;  // the slab that was put there last
    std::uint32_t partials = 0;
  };
  // Objects of one holder that lie in one slab and were allocated in a row.
  struct Run {
    std::uint32_t slab = 0, count = 0;
    std::uint32_t below = kNone;
  };
  struct Holder {
    std::uint32_t top = kNone, bottom = kNone;  // runs
    std::uint32_t next = kNone, prev = kNone;   // list of the holders that have objects
  };

  bool full(const Slab& slab) const { return slab.inuse >= limits_.objperslab; }
  std::uint32_t refill(Cpu& cpu);
  std::uint32_t new_slab();
  void discard(std::uint32_t slab);
  void put_on_cpu(Cpu& cpu, std::uint32_t slab);
  void move_to_node(Cpu& cpu);
  std::uint32_t take_from_node(Cpu& cpu);
  void add_to_node(std::uint32_t slab);
  void remove_from_node(std::uint32_t slab);
  void leave(Cpu& cpu, std::uint32_t slab, std::uint32_t n);

  std::uint32_t row(std::uint32_t holder);
  void push(std::uint32_t row, std::uint32_t slab, std::uint32_t n);
  std::uint32_t whose(std::uint32_t row) const;
  void drop_top(std::uint32_t row);
  void unlist(std::uint32_t row);

  Limits limits_;
  std::vector<Cpu> cpus_;
  std::vector<Slab> slabs_;
  std::vector<std::uint32_t> free_slabs_;
  std::uint32_t node_head_ = kNone, node_tail_ = kNone, node_partials_ = 0;
  std::vector<Run> runs_;
  std::uint32_t free_run_ = kNone;
  std::vector<Holder> holders_;  // row 0: objects of dead holders
  std::uint32_t first_holder_ = kNone, last_holder_ = kNone;
  SlubUse use_;
};

// All caches of a replay, and the mm that acts on them.
class SlubModel {
 public:
  SlubModel(const CacheSpecs& specs, std::uint64_t page_size, std::uint64_t cpus);

  void on_cpu_of(std::uint32_t tid) { cpu_ = tid % cpus_; }
  void acts_for(std::uint32_t holder) { holder_ = holder; }
  void alloc(CacheIndex cache, std::uint64_t n) { caches_[cache].alloc(cpu_, holder_, n); }
  void free(CacheIndex cache, std::uint64_t n) { caches_[cache].free(cpu_, holder_, n); }
  void holder_gone(std::uint32_t holder);
  void begin_here();

  SlubUses uses() const;

 private:
  std::uint32_t cpus_;
  std::uint32_t cpu_ = 0;
  std::uint32_t holder_ = SlubCache::kNobody;
  std::vector<SlubCache> caches_;
};

}  // namespace anonvma
