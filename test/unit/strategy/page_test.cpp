// The page of every registered strategy: what it is, its source and its limits.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>

#include "engine/strategy/registry.h"
#include "test/catch.h"

namespace anonvma {
namespace {

TEST_CASE("every strategy has a page", "[strategy]") {
  REQUIRE(!strategies().empty());
  for (const StrategyInfo& s : strategies()) {
    INFO(s.name);
    const StrategyPage& page = s.page();
    for (const std::string_view text :
         {page.idea, page.price, page.source, page.same, page.simplified, page.ignored}) {
      CHECK(text.size() > 10);
      CHECK(text.ends_with('.'));
      CHECK(text.find("  ") == std::string_view::npos);  // else a line break is wrong
      CHECK(text.find("- ") == std::string_view::npos);
    }
    CHECK(find_strategy(s.name) == &s);
    CHECK(page.basis.empty() == (s.status == StrategyStatus::mainline));
    for (const Parameter& parameter : page.parameters) {
      INFO(parameter.key);
      CHECK(parameter.values.size() >= 2);
      CHECK(parameter.meaning.size() > 10);
      CHECK_FALSE(parameter.meaning.ends_with('.'));
    }
  }
}

TEST_CASE("the manual's table of designs has every strategy", "[strategy]") {
  std::ifstream file(ANONVMA_SOURCE_DIR "/cmd/README.md");
  const std::string manual((std::istreambuf_iterator<char>(file)), {});
  const auto begin = manual.find("### The designs");
  REQUIRE(begin != std::string::npos);
  const std::string_view table =
      std::string_view(manual).substr(begin, manual.find("\n###", begin + 1) - begin);
  for (const StrategyInfo& s : strategies()) {
    INFO(s.name);
    CHECK(table.find(fmt::format("`{}`", s.name)) != std::string_view::npos);
  }
}

}  // namespace
}  // namespace anonvma
