// The SLUB model by hand, against a naive model that moves object by object, and in a replay.
#include "engine/slab/slub_model.h"

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "engine/slab/slab_account.h"
#include "test/catch.h"
#include "test/support/lives.h"

namespace anonvma {
namespace {

constexpr std::uint32_t kA = 0, kB = 1;  // holders

// 4 objects per slab, 2 partial slabs per CPU, 1 empty slab kept by the node.
SlubCache small(std::uint32_t cpus = 1) { return SlubCache({4, 2, 1, cpus}); }

TEST_CASE("objects are packed into the active slab") {
  SlubCache cache = small();
  cache.alloc(0, kA, 4);
  CHECK(cache.use().slabs_end == 1);
  cache.alloc(0, kA, 1);
  CHECK(cache.use().slabs_end == 2);
  cache.alloc(0, kB, 3);
  CHECK(cache.use() == SlubUse{2, 2, 0});
  cache.alloc(0, kB, 9);
  CHECK(cache.use() == SlubUse{5, 5, 0});
}

TEST_CASE("every CPU has an active slab of its own") {
  SlubCache cache = small(3);
  for (std::uint32_t cpu = 0; cpu < 3; ++cpu) cache.alloc(cpu, kA, 1);
  CHECK(cache.use().slabs_end == 3);
  for (std::uint32_t cpu = 0; cpu < 3; ++cpu) cache.alloc(cpu, kA, 3);
  CHECK(cache.use().slabs_end == 3);
  cache.free(0, kA, 12);  // active slabs are kept when they run empty
  CHECK(cache.use().slabs_end == 3);
}

TEST_CASE("a full slab that loses an object goes to the CPU that freed, and is used again") {
  SlubCache cache = small(2);
  cache.alloc(0, kA, 4);
  cache.alloc(0, kB, 4);  // kB's is the active one; kA's is full
  cache.free(1, kA, 1);
  cache.alloc(1, kB, 1);  // from the partial slab of CPU 1
  CHECK(cache.use().slabs_end == 2);
  cache.alloc(1, kB, 1);
  CHECK(cache.use().slabs_end == 3);
}

TEST_CASE("CPU lists overflow to the node, which keeps few empty slabs") {
  SlubCache cache = small();
  cache.alloc(0, kA, 24);  // 6 slabs, the last one active
  cache.free(0, kA, 4);    // empties the active one
  cache.free(0, kA, 8);    // two slabs on the CPU's list, empty
  CHECK(cache.use().slabs_end == 6);
  cache.free(0, kA, 1);  // the list overflows: one empty slab stays on the node, one goes
  CHECK(cache.use() == SlubUse{5, 6, 0});
  cache.free(0, kA, 11);
  CHECK(cache.use().slabs_end ==
        3);  // overflows again: the active one, one on the CPU, one on the node
  cache.alloc(0, kA, 20);
  CHECK(cache.use() == SlubUse{5, 6, 0});
}

TEST_CASE("a hole in a slab keeps it") {
  SlubCache cache = small();
  for (int i = 0; i < 10; ++i) {
    cache.alloc(0, kA, 3);
    cache.alloc(0, kB, 1);
  }
  CHECK(cache.use().slabs_end == 10);
  cache.free(0, kA, 30);
  CHECK(cache.use() == SlubUse{10, 10, 0});  // 10 objects of kB lie in 10 slabs
}

TEST_CASE("a free takes the holder's own object, a dead one's, or that of whoever has some") {
  SlubCache cache = small();
  cache.alloc(0, kA, 4);
  cache.alloc(0, kB, 1);
  cache.free(0, kB, 1);
  CHECK(cache.use().guessed_frees == 0);
  cache.free(0, kB, 1);
  CHECK(cache.use().guessed_frees == 1);
  cache.alloc(0, 7, 2);
  cache.holder_gone(7);
  cache.free(0, kB, 2);
  CHECK(cache.use().guessed_frees == 3);
  cache.free(0, kA, 3);  // still has its own
  CHECK(cache.use().guessed_frees == 3);
  cache.alloc(0, SlubCache::kNobody, 2);
  cache.free(0, SlubCache::kNobody, 2);
  CHECK(cache.use().guessed_frees == 3);
}

TEST_CASE("peaks begin anew where counting begins") {
  SlubCache cache = small();
  cache.alloc(0, kA, 24);
  cache.free(0, kA, 24);
  cache.begin_here();
  CHECK(cache.use().slabs_peak == cache.use().slabs_end);
}

// A model that moves one object at a time and searches every list.
class Naive {
 public:
  Naive(const SlubCache::Limits& limits) : limits_(limits), active_(limits.cpus, -1) {
    partial_.resize(limits.cpus);
  }
  void alloc(unsigned cpu, unsigned holder) {
    if (active_[cpu] < 0 || inuse_[active_[cpu]] == limits_.objperslab) active_[cpu] = next(cpu);
    ++inuse_[active_[cpu]];
    if (objs_[holder].empty()) order_.push_back(holder);
    objs_[holder].push_back(active_[cpu]);
    peak_ = std::max(peak_, inuse_.size());
  }
  void free(unsigned cpu, unsigned holder) {
    std::vector<int>* from = &objs_[holder];
    if (from->empty()) {
      ++guessed_;
      from = dead_.empty() ? &objs_[order_.front()] : &dead_;
    }
    const int slab = from->back();
    from->pop_back();
    std::erase_if(order_, [&](unsigned h) { return objs_[h].empty(); });
    const bool was_full = inuse_[slab]-- == limits_.objperslab;
    if (std::find(active_.begin(), active_.end(), slab) != active_.end()) return;
    if (was_full) {
      if (partial_[cpu].size() >= limits_.cpu_partial_slabs) {
        for (const int old : partial_[cpu]) {
          if (inuse_[old] == 0 && node_.size() >= limits_.min_partial)
            inuse_.erase(old);
          else
            node_.push_back(old);
        }
        partial_[cpu].clear();
      }
      partial_[cpu].push_front(slab);
      return;
    }
    const auto listed = std::find(node_.begin(), node_.end(), slab);
    if (listed == node_.end() || inuse_[slab] > 0 || node_.size() < limits_.min_partial) return;
    node_.erase(listed);
    inuse_.erase(slab);
  }
  void gone(unsigned holder) {
    dead_.insert(dead_.end(), objs_[holder].begin(), objs_[holder].end());
    objs_[holder].clear();
    std::erase(order_, holder);
  }
  SlubUse use() const { return {inuse_.size(), peak_, guessed_}; }

 private:
  int next(unsigned cpu) {
    if (!partial_[cpu].empty()) {
      const int slab = partial_[cpu].front();
      partial_[cpu].pop_front();
      return slab;
    }
    if (node_.empty()) {
      inuse_[++last_] = 0;
      return last_;
    }
    const int slab = node_.front();
    node_.pop_front();
    for (unsigned n = 0; n < limits_.cpu_partial_slabs / 2 + 1 && !node_.empty(); ++n) {
      partial_[cpu].push_front(node_.front());
      node_.pop_front();
    }
    return slab;
  }

  SlubCache::Limits limits_;
  std::map<int, unsigned> inuse_;
  std::vector<int> active_;
  std::vector<std::deque<int>> partial_;
  std::deque<int> node_;
  std::map<unsigned, std::vector<int>> objs_;
  std::vector<unsigned> order_;
  std::vector<int> dead_;
  int last_ = -1;
  std::size_t peak_ = 0;
  std::uint64_t guessed_ = 0;
};

TEST_CASE("the model agrees with a naive one, and stays within its bounds") {
  for (unsigned seed = 0; seed < lives(120); ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto pick = [&](unsigned n) { return static_cast<std::uint32_t>(random() % n); };
    const SlubCache::Limits limits{1 + pick(6), 1 + pick(5), pick(6), 1 + pick(4)};
    SlubCache cache(limits), same(limits);
    Naive naive(limits);
    std::uint64_t active = 0;
    const unsigned growth = 1 + pick(3);
    for (int i = 0; i < 1500; ++i) {
      const std::uint32_t cpu = pick(limits.cpus), holder = pick(5);
      const std::uint64_t n = 1 + pick(pick(8) == 0 ? 40 : 3);
      if (pick(60) == 0) {
        cache.holder_gone(holder);
        same.holder_gone(holder);
        naive.gone(holder);
      } else if (pick(4) < (i < 900 ? growth : 1)) {
        cache.alloc(cpu, holder, n);
        for (std::uint64_t k = 0; k < n; ++k) same.alloc(cpu, holder, 1);
        for (std::uint64_t k = 0; k < n; ++k) naive.alloc(cpu, holder);
        active += n;
      } else {
        const std::uint64_t most = std::min(n, active);
        cache.free(cpu, holder, most);
        for (std::uint64_t k = 0; k < most; ++k) same.free(cpu, holder, 1);
        for (std::uint64_t k = 0; k < most; ++k) naive.free(cpu, holder);
        active -= most;
      }
      REQUIRE(cache.use() == naive.use());
      REQUIRE(cache.use() == same.use());
      REQUIRE(cache.use().slabs_end * limits.objperslab >= active);
      REQUIRE(cache.use().slabs_peak >= cache.use().slabs_end);
    }
    cache.free(0, SlubCache::kNobody, active);
    const std::uint64_t kept = limits.cpus * (1 + limits.cpu_partial_slabs) + limits.min_partial;
    REQUIRE(cache.use().slabs_end <= kept);
    // No object is left, so a free has no effect.
    const SlubUse before = cache.use();
    cache.free(0, kA, 1);
    REQUIRE(cache.use() == before);
  }
}

TEST_CASE("an account counts slabs only when asked") {
  SlabAccount plain;
  plain.alloc(kAnonVma, 100);
  CHECK(!plain.slub());

  SlabAccount account;
  account.enable_slub(default_cache_specs(), 4096, 2);
  account.begin_op(OpKind::fork, 0, 0, true, 4);  // CPU 0
  account.acts_for(0);
  account.alloc(kAnonVma, 40);                    // 39 per slab
  account.begin_op(OpKind::fork, 1, 0, true, 5);  // CPU 1
  account.acts_for(1);
  account.alloc(kAnonVma, 1);
  account.alloc(kVmAreaStruct, 21);
  REQUIRE(account.slub());
  CHECK((*account.slub())[kAnonVma] == SlubUse{3, 3, 0});
  CHECK((*account.slub())[kVmAreaStruct] == SlubUse{1, 1, 0});
  CHECK((*account.slub())[kAnonVmaChain] == SlubUse{});
  account.holder_gone(1);
  account.free(kAnonVma, 1);  // the acting holder is gone: frees one that it left
  CHECK((*account.slub())[kAnonVma].guessed_frees == 0);
  account.begin_here();
  CHECK((*account.slub())[kAnonVma] == SlubUse{3, 3, 0});
}

}  // namespace
}  // namespace anonvma
