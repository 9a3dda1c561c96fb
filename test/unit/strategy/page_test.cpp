// The page of every registered strategy: what it is, its source and its limits.
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
    for (const Parameter& parameter : page.parameters) {
      INFO(parameter.key);
      CHECK(parameter.values.size() >= 2);
      CHECK(parameter.meaning.size() > 10);
      CHECK_FALSE(parameter.meaning.ends_with('.'));
    }
  }
}

}  // namespace
}  // namespace anonvma
