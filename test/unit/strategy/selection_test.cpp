#include "engine/strategy/selection.h"
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
  for (const StrategyChoice& s : chosen->strategies)
    CHECK(s.info->status == StrategyStatus::mainline);

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

std::vector<std::string> full_names(const Selection& selection) {
  std::vector<std::string> out;
  for (const StrategyChoice& s : selection.strategies) out.push_back(s.name());
  return out;
}
using FullNames = std::vector<std::string>;

TEST_CASE("a strategy may have parameters, which are part of its name") {
  struct Case {
    const char* list;
    FullNames names;
  };
  for (const Case& c : {
           Case{"lazy-v1:merge=base,fork=never,legacy",
                {"lazy-v1:fork=never,merge=base", "legacy"}},
           Case{"lazy-v1:fork=never,merge=base", {"lazy-v1:fork=never,merge=base"}},
           Case{"lazy-v1,lazy-v1:merge=base", {"lazy-v1", "lazy-v1:merge=base"}},
           Case{"lazy-v1,merge=base", {"lazy-v1:merge=base"}},
           // A parameter at its default gives the plain strategy, which appears once.
           Case{"lazy-v1:merge=never,lazy-v1,lazy-v1:fork=any,merge=never", {"lazy-v1"}},
           Case{"lazy-v1:merge=base,merge=never", {"lazy-v1"}},  // the last value counts
           Case{"lazy-v1:merge=base,fork=never,lazy-v1:fork=never,merge=base",
                {"lazy-v1:fork=never,merge=base"}},
       }) {
    INFO(c.list);
    const auto chosen = select_strategies(c.list, "", "");
    REQUIRE(chosen);
    CHECK(full_names(*chosen) == c.names);
    CHECK(chosen->baseline == c.names.front());
  }
}

TEST_CASE("parameters are told to the strategy that is made") {
  const auto chosen = select_strategies("lazy-v1:merge=base,fork=never", "", "");
  REQUIRE(chosen);
  const StrategyChoice& choice = chosen->strategies.front();
  const StrategyPage& page = choice.info->page();
  CHECK(parameter(choice.parameters, page, "merge") == "base");
  CHECK(parameter(choice.parameters, page, "fork") == "never");
  CHECK(parameter({}, page, "merge") == "never");
  CHECK(parameter({}, page, "fork") == "any");
}

TEST_CASE("an unknown parameter or value is a usage error that lists the known ones") {
  struct Case {
    const char* list;
    std::vector<std::string> words;
  };
  for (const Case& c : {
           Case{"lazy-v1:colour=red", {"lazy-v1", "'colour'", "merge fork"}},
           Case{"lazy-v1:", {"no parameter ''", "merge fork"}},
           Case{"lazy-v1:merge=base,colour=red", {"'colour'", "merge fork"}},
           Case{"lazy-v1:merge=often", {"'often'", "merge", "never base"}},
           Case{"lazy-v1:merge", {"''", "merge", "never base"}},
           Case{"lazy-v1:merge=", {"''", "never base"}},
           Case{"lazy-v1:fork=never=any", {"'never=any'", "any never"}},
           Case{"legacy:merge=base", {"legacy", "no parameters", "'merge'"}},
           Case{"legacy,merge=base", {"legacy", "no parameters", "'merge'"}},
           Case{"merge=base,lazy-v1", {"'merge=base'", "belongs to no strategy"}},
           Case{"merge=base", {"belongs to no strategy", "NAME:merge=base"}},
           Case{"all,merge=base", {"belongs to no strategy"}},
           Case{"nonesuch:merge=base", {"nonesuch", "num-children"}},
           Case{"all:merge=base", {"'all'", "num-children"}},
       }) {
    INFO(c.list);
    for (const bool as_baseline : {false, true}) {
      const auto chosen = as_baseline ? select_strategies("legacy", c.list, "")
                                      : select_strategies(c.list, "", "num-children");
      REQUIRE(!chosen);
      CHECK(chosen.error().code == ErrorCode::usage);
      for (const std::string& word : c.words)
        CHECK_THAT(chosen.error().message, ContainsSubstring(word));
    }
  }
}

TEST_CASE("a baseline may have parameters") {
  auto chosen = select_strategies("legacy,lazy-v1", "lazy-v1:merge=base,fork=never", "");
  REQUIRE(chosen);
  CHECK(full_names(*chosen) == FullNames{"lazy-v1:fork=never,merge=base", "legacy", "lazy-v1"});
  CHECK(chosen->baseline == "lazy-v1:fork=never,merge=base");
  chosen = select_strategies("legacy,lazy-v1:merge=base", "lazy-v1:fork=any,merge=base", "");
  REQUIRE(chosen);
  CHECK(full_names(*chosen) == FullNames{"legacy", "lazy-v1:merge=base"});
  CHECK(chosen->baseline == "lazy-v1:merge=base");
  chosen = select_strategies("lazy-v1:merge=base", "lazy-v1", "");
  REQUIRE(chosen);
  CHECK(full_names(*chosen) == FullNames{"lazy-v1", "lazy-v1:merge=base"});
  CHECK_FALSE(select_strategies("legacy", "legacy,lazy-v1", ""));
}

}  // namespace
}  // namespace anonvma
