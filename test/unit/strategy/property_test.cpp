// Properties of every strategy, or of a family of them, on random lives. A failure prints the seed,
// which is enough to run the same life again.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/strategy/registry.h"
#include "test/catch.h"
#include "test/support/lazy_oracle.h"
#include "test/support/lives.h"
#include "test/support/strategy_choice.h"
#include "test/support/strategy_oracle.h"
#include "test/support/strategy_random_life.h"

namespace anonvma {
namespace {

using test::every_choice;
using test::LazyOracle;
using test::NaiveDesign;
using test::NaiveOracle;
using test::RandomLife;

std::array<CacheUsage, kAllCaches> usages(const SlabAccount& slab) {
  std::array<CacheUsage, kAllCaches> all;
  for (std::size_t c = 0; c < kAllCaches; ++c) all[c] = slab.usage(static_cast<CacheIndex>(c));
  return all;
}

// Everything is freed, except the leaked roots of lazy-v1, as posted.
TEST_CASE("every strategy gives back every object") {
  for (const StrategyChoice& choice : every_choice()) {
    const bool leaks = choice.info->name == "lazy-v1";
    const bool until_fork = parameter(choice.parameters, choice.info->page(), "fork") == "never";
    for (unsigned seed = 0; seed < lives(100); ++seed) {
      INFO("strategy " << choice.name() << ", seed " << seed);
      RandomLife life(choice, seed);
      LazyOracle oracle({.leaks = leaks, .until_fork = until_fork});
      for (int i = 0; i < 150; ++i) {
        for (const std::string& op : life.step())
          if (leaks) oracle.apply(op);
        for (const CacheUsage& use : usages(life.life().slab())) {
          REQUIRE(use.allocs - use.frees == use.active_objs);
          REQUIRE(use.peak_objs >= use.active_objs);
        }
      }
      REQUIRE(life.life().slab().usage(kVmAreaStruct).allocs > 0);
      for (const std::string& op : life.exit_all())
        if (leaks) oracle.apply(op);
      const auto left = usages(life.life().slab());
      for (std::size_t c = 0; c < kAllCaches; ++c)
        REQUIRE(left[c].active_objs == (c == kAnonVma ? oracle.leaked.size() : 0));
    }
  }
}

TEST_CASE("the same life gives the same numbers") {
  for (const StrategyChoice& choice : every_choice()) {
    for (unsigned seed = 0; seed < lives(20); ++seed) {
      INFO("strategy " << choice.name() << ", seed " << seed);
      RandomLife a(choice, seed), b(choice, seed);
      for (int i = 0; i < 150; ++i) REQUIRE(a.step() == b.step());
      REQUIRE(usages(a.life().slab()) == usages(b.life().slab()));
      REQUIRE(a.life().slab().root_locks() == b.life().slab().root_locks());
    }
  }
}

TEST_CASE("what is alive is what the chains and the vmas of each anon_vma tell") {
  for (const StrategyChoice& choice : every_choice()) {
    for (unsigned seed = 0; seed < lives(30); ++seed) {
      INFO("strategy " << choice.name() << ", seed " << seed);
      RandomLife random(choice, seed);
      const Strategy& s = random.life().strategy();
      const SlabAccount& slab = random.life().slab();
      for (int i = 0; i < 150; ++i) {
        random.step();
        std::uint64_t entries = 0, mapped = 0;
        for (const auto& [mm, vmas] : random.mms())
          for (const RandomLife::Vma& vma : vmas) {
            entries += s.chain_links(random.life().vma(static_cast<std::uint64_t>(vma.id))).size();
            ++mapped;
          }
        REQUIRE(slab.usage(kAnonVmaChain).active_objs == entries);
        REQUIRE(slab.usage(kVmAreaStruct).active_objs >= mapped);
        REQUIRE(s.vmas_per_anon_vma().size() ==
                slab.usage(kAnonVma).active_objs + slab.usage(kCowContext).active_objs);
      }
    }
  }
}

struct Design {
  std::string_view name;
  NaiveDesign facts;
};
constexpr Design kChainDesigns[] = {
    {"avc-2.6.34", {.locks = 'e'}},
    {"avc-2.6.37", {.locks = 'l'}},
    {"avc-clone-lock", {.locks = 'c'}},
    {"avc-3.0", {}},
    {"degree", {.reuse = 'd'}},
    {"mergeable-parent", {.reuse = 'd', .share = 'p'}},
    {"mergeable-parent-kk2", {.reuse = 'd', .share = 's'}},
    {"num-children", {.reuse = 'n'}},
    {"linux-7.0", {.reuse = 'n', .reversed = true, .ahead = true}},
};

TEST_CASE("every design with chains has facts for the naive definition") {
  const auto without_chains = [](std::string_view name) {
    return name == "legacy" || name.starts_with("lazy-v1") || name == "cow-context" ||
           name == "noswap";
  };
  for (const StrategyInfo& info : strategies()) {
    INFO(info.name);
    const bool has_facts = std::ranges::any_of(
        kChainDesigns, [&](const Design& design) { return design.name == info.name; });
    CHECK(has_facts != without_chains(info.name));
  }
}

TEST_CASE("designs with chains agree with the naive definition") {
  for (const Design& design : kChainDesigns) {
    for (unsigned seed = 0; seed < lives(150); ++seed) {
      RandomLife life(*find_strategy(design.name), seed);
      NaiveOracle oracle(design.facts);
      const SlabAccount& slab = life.life().slab();
      for (int i = 0; i < 150; ++i) {
        const std::vector<std::string> ops = i < 149 ? life.step() : life.exit_all();
        INFO("strategy " << design.name << ", seed " << seed << ", step " << i);
        for (const std::string& op : ops) oracle.apply(op);
        REQUIRE(slab.usage(kVmAreaStruct).active_objs == oracle.vmas.size());
        REQUIRE(slab.usage(kAnonVmaChain).active_objs == oracle.avcs());
        REQUIRE(slab.usage(kAnonVmaChain).allocs == oracle.avc_allocs);
        REQUIRE(slab.usage(kAnonVma).active_objs == oracle.avs.size());
        REQUIRE(slab.usage(kAnonVma).allocs == oracle.av_allocs);
        REQUIRE(slab.root_locks() == oracle.locks);
      }
    }
  }
}

// Counters recomputed from the chains themselves.
void check_by_chains(const RandomLife& random, VectorLife& life, bool by_degree) {
  const Strategy& s = life.strategy();
  std::uint64_t entries = 0;
  std::map<std::uint64_t, std::uint64_t> linked, active;  // vmas by anon_vma
  std::map<std::uint64_t, std::set<std::uint64_t>> children;
  std::vector<Strategy::ChainLink> links;
  for (const auto& [mm, vmas] : random.mms()) {
    for (const RandomLife::Vma& vma : vmas) {
      const VmaId id = life.vma(static_cast<std::uint64_t>(vma.id));
      const std::uint64_t own = s.anon_vma_name(id);
      const std::vector<Strategy::ChainLink> chain = s.chain_links(id);
      REQUIRE((own != 0) == s.faulted(id));
      REQUIRE(chain.empty() == (own == 0));
      REQUIRE(s.singular(id) == (chain.size() == 1));
      REQUIRE(s.reaches(own, id) == (own != 0));
      entries += chain.size();
      if (own != 0) ++active[own];
      for (const Strategy::ChainLink& link : chain) {
        ++linked[link.anon_vma];
        children[link.parent].insert(link.anon_vma);
        links.push_back(link);
      }
    }
  }
  REQUIRE(life.slab().usage(kAnonVmaChain).active_objs == entries);
  REQUIRE(life.slab().usage(kAnonVma).active_objs == linked.size());
  for (const Strategy::ChainLink& link : links) {
    const std::uint64_t own_children = children[link.anon_vma].size();
    const std::uint64_t own_active = active[link.anon_vma];
    REQUIRE(link.num_children == own_children + (by_degree ? own_active : 0));
    REQUIRE(link.num_active_vmas == (by_degree ? 0 : own_active));
    REQUIRE(linked.contains(link.root));
    REQUIRE(linked.contains(link.parent));
  }
  std::vector<std::uint64_t> vmas = s.vmas_per_anon_vma(), counted;
  for (const auto& [name, count] : linked) counted.push_back(count);
  std::sort(vmas.begin(), vmas.end());
  std::sort(counted.begin(), counted.end());
  REQUIRE(vmas == counted);
}

TEST_CASE("counters and objects are those that the chains tell") {
  for (const Design& design : kChainDesigns) {
    for (unsigned seed = 1000; seed < 1000 + lives(40); ++seed) {
      INFO("strategy " << design.name << ", seed " << seed);
      RandomLife life(*find_strategy(design.name), seed);
      for (int i = 0; i < 150; ++i) {
        life.step();
        check_by_chains(life, life.life(), design.facts.reuse == 'd');
      }
    }
  }
}

TEST_CASE("a legacy anon_vma has a name of its own and the vmas that bear it") {
  std::size_t died = 0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    RandomLife life(*find_strategy("legacy"), seed);
    const Strategy& s = life.life().strategy();
    std::set<std::uint64_t> before, gone;
    for (int i = 0; i < 150; ++i) {
      life.step();
      std::map<std::uint64_t, std::uint64_t> vmas;
      for (const auto& [mm, in_mm] : life.mms())
        for (const RandomLife::Vma& vma : in_mm) {
          const VmaId id = life.life().vma(static_cast<std::uint64_t>(vma.id));
          REQUIRE((s.anon_vma_name(id) != 0) == s.faulted(id));
          REQUIRE(s.rmap_target(id) == s.anon_vma_name(id));
          REQUIRE(s.reaches(s.rmap_target(id), id) == s.faulted(id));
          if (s.faulted(id)) ++vmas[s.anon_vma_name(id)];
        }
      std::set<std::uint64_t> now;
      std::vector<std::uint64_t> counted;
      for (const auto& [name, count] : vmas) {
        REQUIRE_FALSE(gone.contains(name));
        now.insert(name);
        counted.push_back(count);
      }
      for (const std::uint64_t name : before)
        if (!now.contains(name)) gone.insert(name);
      before = now;
      std::vector<std::uint64_t> per_anon_vma = s.vmas_per_anon_vma();
      std::sort(per_anon_vma.begin(), per_anon_vma.end());
      std::sort(counted.begin(), counted.end());
      REQUIRE(per_anon_vma == counted);
    }
    died += gone.size();
  }
  CHECK(died > 100);  // else no place was reused
}

void apply(VectorLife& life, const std::string& op) {
  if (op[0] == 'D')
    life.strategy().unlink(life.vma(std::stoull(op.substr(2))));
  else
    REQUIRE(life.apply(op));
}

TEST_CASE("the designs before reuse differ in locks only") {
  for (unsigned seed = 2000; seed < 2000 + lives(100); ++seed) {
    INFO("seed " << seed);
    RandomLife life(*find_strategy("avc-3.0"), seed);
    VectorLife own(*find_strategy("avc-2.6.34")), root(*find_strategy("avc-2.6.37")),
        rc(*find_strategy("avc-clone-lock"));
    for (int i = 0; i < 150; ++i) {
      for (const std::string& op : life.step())
        for (VectorLife* other : {&own, &root, &rc}) apply(*other, op);
      for (VectorLife* other : {&own, &root, &rc})
        REQUIRE(usages(other->slab()) == usages(life.life().slab()));
      REQUIRE(root.slab().root_locks() >= own.slab().root_locks());
      REQUIRE(own.slab().root_locks() >= rc.slab().root_locks());
      REQUIRE(rc.slab().root_locks() >= life.life().slab().root_locks());
    }
  }
}

TEST_CASE("linux-7.0 allocates an anon_vma wherever avc-3.0 does") {
  unsigned reused = 0;
  for (unsigned seed = 3000; seed < 3100; ++seed) {
    INFO("seed " << seed);
    RandomLife life(*find_strategy("linux-7.0"), seed);
    VectorLife plain(*find_strategy("avc-3.0"));
    const SlabAccount &here = life.life().slab(), &there = plain.slab();
    for (int i = 0; i < 150; ++i) {
      for (const std::string& op : life.step()) apply(plain, op);
      REQUIRE(here.usage(kAnonVma).allocs == there.usage(kAnonVma).allocs);
      REQUIRE(here.usage(kAnonVma).active_objs <= there.usage(kAnonVma).active_objs);
    }
    reused += here.usage(kAnonVma).active_objs < there.usage(kAnonVma).active_objs;
  }
  CHECK(reused > 5);  // else the lives show nothing
}

TEST_CASE("legacy never allocates a chain, lazy never an anon_vma before a fork") {
  for (unsigned seed = 0; seed < lives(50); ++seed) {
    INFO("seed " << seed);
    RandomLife legacy(*find_strategy("legacy"), seed);
    RandomLife lazy(*find_strategy("lazy-v1-noleak"), seed);
    bool forked = false;
    for (int i = 0; i < 150; ++i) {
      legacy.step();
      REQUIRE(legacy.life().slab().usage(kAnonVmaChain).allocs == 0);
      for (const std::string& op : lazy.step()) forked |= op[0] == 'K';
      REQUIRE((forked || lazy.life().slab().usage(kAnonVma).allocs == 0));
    }
  }
}

}  // namespace
}  // namespace anonvma
