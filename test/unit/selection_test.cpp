#include "engine/replay/selection.h"
#include "test/catch.h"

namespace anonvma {
namespace {

std::vector<std::string_view> names(const Selection& selection) {
  std::vector<std::string_view> out;
  for (const StrategyChoice& s : selection.strategies) out.push_back(s.info->name);
  return out;
}
using Names = std::vector<std::string_view>;

TEST_CASE("strategies are chosen by name and by group") {
  auto chosen = select_strategies("legacy,num-children,legacy", "", "num-children");
  REQUIRE(chosen);
  CHECK(names(*chosen) == Names{"legacy", "num-children"});
  CHECK(chosen->baseline == "num-children");

  chosen = select_strategies("all", "", "num-children");
  REQUIRE(chosen);
  CHECK(chosen->strategies.size() == strategies().size());

  chosen = select_strategies("mainline", "", "num-children");
  REQUIRE(chosen);
  for (const StrategyChoice& s : chosen->strategies) CHECK(!s.info->kernels.starts_with("proposal"));

  chosen = select_strategies("default", "", "num-children");
  REQUIRE(chosen);
  CHECK(names(*chosen).front() == "num-children");
  CHECK(names(*chosen).back() == "avc-3.0");
}

TEST_CASE("a baseline outside the list is put before it") {
  auto chosen = select_strategies("legacy", "avc-3.0", "num-children");
  REQUIRE(chosen);
  CHECK(names(*chosen) == Names{"avc-3.0", "legacy"});
  CHECK(chosen->baseline == "avc-3.0");
  chosen = select_strategies("legacy", "", "num-children");
  REQUIRE(chosen);
  CHECK(names(*chosen) == Names{"num-children", "legacy"});
}

TEST_CASE("without a known kernel the first strategy is the baseline") {
  const auto chosen = select_strategies("legacy,avc-3.0", "", "");
  REQUIRE(chosen);
  CHECK(chosen->baseline == "legacy");
}

TEST_CASE("an unknown name is a usage error that lists the known ones") {
  for (const char* list : {"nonesuch", "", "legacy,", "legacy,,avc-3.0"}) {
    const auto chosen = select_strategies(list, "", "num-children");
    REQUIRE(!chosen);
    CHECK(chosen.error().code == ErrorCode::usage);
    CHECK_THAT(chosen.error().message, ContainsSubstring("num-children"));
  }
  CHECK(!select_strategies("legacy", "nonesuch", ""));
}

}  // namespace
}  // namespace anonvma
