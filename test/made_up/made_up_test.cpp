// A design of one file and one line is replayed, listed and counted like any other.
#include <array>

#include "engine/replay/vectors.h"
#include "engine/strategy/registry.h"
#include "engine/strategy/selection.h"
#include "test/catch.h"
#include "test/support/strategy_random_life.h"

namespace anonvma {
namespace {

TEST_CASE("a made-up strategy is one file and one line") {
  const StrategyInfo* info = find_strategy("root-only");
  REQUIRE(info);
  CHECK(info == &strategies().back());
  CHECK(find_strategy("num-children"));
  CHECK(info->page().idea.starts_with("One anon_vma per fork tree"));
  const auto chosen = select_strategies("all", "root-only", "num-children");
  REQUIRE(chosen);
  CHECK(chosen->strategies.size() == strategies().size());
  const auto mainline = select_strategies("mainline", "", "num-children");
  REQUIRE(mainline);
  for (const StrategyChoice& s : mainline->strategies) CHECK(s.info != info);
  CHECK(chosen->baseline == "root-only");

  const auto report = run_vectors(
      R"({"vectors": [{"name": "fork", "ops": ["M 0 0 -1 -1 10 14 3", "F 0", "K 0 1 1 -1", "P"],
          "checkpoints": [{"label": "", "expect": {"root-only": {"anon_vma": 1,
          "anon_vma_chain": 2}}}]}]})");
  REQUIRE(report);
  CHECK(report->checkpoints == 1);
  CHECK(report->mismatches == 0);
}

TEST_CASE("a made-up strategy gives back every object") {
  for (unsigned seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    test::RandomLife life(*find_strategy("root-only"), seed);
    for (int i = 0; i < 100; ++i) life.step();
    REQUIRE(life.life().slab().usage(kAnonVmaChain).allocs > 0);
    life.exit_all();
    for (const CacheIndex c : {kVmAreaStruct, kAnonVmaChain, kAnonVma})
      REQUIRE(life.life().slab().usage(c).active_objs == 0);
  }
}

}  // namespace
}  // namespace anonvma
