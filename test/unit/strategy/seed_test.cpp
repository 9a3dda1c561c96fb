// The start of a strategy from a snapshot: exact if the snapshot is exact, harmless if it is not.
#include <fmt/format.h>

#include <random>

#include "engine/strategy/registry.h"
#include "test/catch.h"
#include "test/support/lazy_oracle.h"
#include "test/support/lives.h"
#include "test/support/strategy_oracle.h"
#include "test/support/strategy_random_life.h"

namespace anonvma {
namespace {

using test::NaiveDesign;
using test::NaiveOracle;
using test::RandomLife;
using SeedLink = Strategy::SeedLink;

AnonVmaId snapshot_id(int id) { return AnonVmaId{static_cast<std::uint32_t>(id) * 7919u}; }

// The counters in a snapshot.
enum class Shown {
  two,     // children and active vmas
  degree,  // their sum, as in kernels with `degree`
};

std::vector<SeedLink> chain_of(const NaiveOracle& oracle, const NaiveOracle::Vma& vma,
                               Shown shown) {
  std::vector<SeedLink> chain;
  for (auto it = vma.chain.rbegin(); it != vma.chain.rend(); ++it) {
    const NaiveOracle::Av& av = oracle.avs.at(*it);
    const auto children = static_cast<std::uint64_t>(oracle.children(*it));
    const auto active = static_cast<std::uint64_t>(oracle.active(*it));
    const bool two = shown == Shown::two;
    chain.push_back({snapshot_id(*it), snapshot_id(av.root), snapshot_id(av.parent),
                     two ? children : children + active, two ? active : 0});
  }
  return chain;
}

// Maps the vmas of `life` and seeds them with the state of `oracle`.
void copy_by_snapshot(RandomLife& life, const NaiveOracle& oracle, VectorLife& copy, Shown shown) {
  for (const auto& [mm, vmas] : life.mms()) {
    int prev = -1;
    for (const RandomLife::Vma& vma : vmas) {
      REQUIRE(copy.apply(
          fmt::format("M {} {} {} -1 {} {} {}", vma.id, mm, prev, vma.start, vma.end, vma.flags)));
      prev = vma.id;
      const NaiveOracle::Vma& known = oracle.vmas.at(vma.id);
      if (known.own < 0) continue;
      copy.strategy().seed(copy.vma(static_cast<std::uint64_t>(vma.id)), snapshot_id(known.own),
                           chain_of(oracle, known, shown));
    }
  }
}

void check_seeded(const StrategyInfo& info, NaiveDesign design, Shown shown) {
  for (unsigned seed = 0; seed < lives(150); ++seed) {
    INFO("strategy " << info.name << ", seed " << seed);
    RandomLife life(info, seed, {.copies = false, .dontunmap = false});
    NaiveOracle oracle(design);
    for (int i = 0; i < 80; ++i)
      for (const std::string& op : life.step()) oracle.apply(op);

    VectorLife seeded(info);
    REQUIRE(seeded.strategy().can_seed());
    copy_by_snapshot(life, oracle, seeded, shown);
    const SlabAccount &lived = life.life().slab(), &copied = seeded.slab();
    CHECK(copied.root_locks() == 0);
    std::array<std::uint64_t, kNumCaches> before{};
    for (CacheIndex c : {kVmAreaStruct, kAnonVmaChain, kAnonVma}) {
      REQUIRE(copied.usage(c).active_objs == lived.usage(c).active_objs);
      REQUIRE(copied.usage(c).allocs == copied.usage(c).active_objs);
      before[c] = lived.usage(c).allocs - copied.usage(c).allocs;
    }
    const std::uint64_t locks = lived.root_locks();
    for (int i = 0; i < 81; ++i) {
      for (const std::string& op : i < 80 ? life.step() : life.exit_all())
        REQUIRE(seeded.apply(op));
      for (CacheIndex c : {kVmAreaStruct, kAnonVmaChain, kAnonVma}) {
        REQUIRE(copied.usage(c).active_objs == lived.usage(c).active_objs);
        REQUIRE(copied.usage(c).allocs + before[c] == lived.usage(c).allocs);
      }
      REQUIRE(copied.root_locks() + locks == lived.root_locks());
    }
  }
}

TEST_CASE("a seeded strategy goes on as the one that lived it") {
  check_seeded(*find_strategy("num-children"), {.reuse = 'n'}, Shown::two);
  check_seeded(*find_strategy("linux-7.0"), {.reuse = 'n', .reversed = true, .ahead = true},
               Shown::two);
  // Summed over the whole system, the two parts of degree are known.
  check_seeded(*find_strategy("degree"), {.reuse = 'd'}, Shown::degree);
  check_seeded(*find_strategy("degree"), {.reuse = 'd'}, Shown::two);
}

TEST_CASE("only the design of a recording kernel can be seeded") {
  for (const StrategyInfo& info : strategies()) {
    INFO(info.name);
    VectorLife life(info);
    REQUIRE(life.apply("M 0 0 -1 -1 10 14 3"));
    const AnonVmaId a{5};
    const SeedLink link{a, a, a, 1, 1};
    life.strategy().seed(life.vma(0), a, {&link, 1});
    CHECK(life.strategy().faulted(life.vma(0)) == life.strategy().can_seed());
    CHECK(life.strategy().can_seed() ==
          (info.name == "degree" || info.name == "num-children" || info.name == "linux-7.0"));
  }
}

TEST_CASE("an ancestor that is named only as root is alive, one named only as parent is not") {
  VectorLife life(*find_strategy("num-children"));
  REQUIRE(life.apply("M 0 0 -1 -1 10 14 3"));
  const SeedLink link{AnonVmaId{3}, AnonVmaId{1}, AnonVmaId{2}, 0, 1};
  life.strategy().seed(life.vma(0), AnonVmaId{3}, {&link, 1});
  CHECK(life.slab().usage(kAnonVma).active_objs == 2);
  CHECK(life.slab().usage(kAnonVmaChain).active_objs == 1);
  REQUIRE(life.apply("U 0"));
  CHECK(life.slab().usage(kAnonVma).active_objs == 0);
}

TEST_CASE("an anon_vma in the place of a dead parent does not inherit its children") {
  VectorLife life(*find_strategy("num-children"));
  for (int i = 0; i < 3; ++i)
    REQUIRE(life.apply(fmt::format("M {} 0 {} -1 {} {} 3", i, i - 1, i * 10, i * 10 + 4)));
  // 0 is linked to the child but not to its parent: no kernel has such a state.
  const AnonVmaId parent{1}, child{2};
  const SeedLink links[] = {{child, child, parent, 1, 1}, {parent, parent, parent, 2, 1}};
  life.strategy().seed(life.vma(0), child, {&links[0], 1});
  life.strategy().seed(life.vma(1), parent, {&links[1], 1});
  // 2: [a0] in the place of the parent; 3: a0 [a1]. When 0 goes, a0 keeps its two children (itself
  // and a1), so 4 must not reuse it: 4: a0 a1 [a2].
  for (const char* op : {"U 1", "F 2", "K 2 3 1 -1", "U 0", "U 2", "K 3 4 2 -1"})
    REQUIRE(life.apply(op));
  CHECK(life.slab().usage(kAnonVma).active_objs == 3);
  CHECK(life.slab().usage(kAnonVmaChain).active_objs == 5);
}

// A snapshot of few ids, so that they contradict each other often.
std::vector<SeedLink> hostile_chain(std::mt19937& random) {
  const auto id = [&] {
    static constexpr std::uint32_t kIds[] = {0, 1, 2, 3, 4, 5, 0xfffffffe, 0xffffffff, 0x80000000};
    return AnonVmaId{kIds[random() % std::size(kIds)]};
  };
  const auto count = [&] {
    static constexpr std::uint64_t kCounts[] = {0, 0, 1, 2, 3, 0xffffffff, ~0ull};
    return kCounts[random() % std::size(kCounts)];
  };
  std::vector<SeedLink> chain(random() % 12);
  for (SeedLink& link : chain) link = {id(), id(), id(), count(), count()};
  return chain;
}

TEST_CASE("a snapshot full of lies is survived and given back") {
  for (const StrategyInfo& info : strategies()) {
    for (unsigned seed = 0; seed < lives(300); ++seed) {
      INFO("strategy " << info.name << ", seed " << seed);
      RandomLife life(info, seed);
      const bool leaks = info.name == "lazy-v1";
      test::LazyOracle oracle({.leaks = leaks});
      std::mt19937 random(seed);
      for (int i = 0; i < 120; ++i) {
        for (const std::string& op : life.step())
          if (leaks) oracle.apply(op);
        if (i % 3 || life.mms().empty()) continue;
        const auto id = static_cast<std::uint64_t>(life.mms().begin()->second.front().id);
        const std::vector<SeedLink> chain = hostile_chain(random);
        const AnonVmaId own = chain.empty() || random() % 4 == 0 ? AnonVmaId{9} : chain[0].anon_vma;
        life.life().strategy().seed(life.life().vma(id), own, chain);
      }
      life.exit_all();
      REQUIRE(life.life().slab().usage(kVmAreaStruct).active_objs == 0);
      REQUIRE(life.life().slab().usage(kAnonVmaChain).active_objs == 0);
      REQUIRE(life.life().slab().usage(kAnonVma).active_objs == oracle.leaked.size());
    }
  }
}

}  // namespace
}  // namespace anonvma
