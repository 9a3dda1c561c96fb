#include "engine/nearest.h"

#include "test/catch.h"

using namespace anonvma;

namespace {
constexpr std::string_view kNames[] = {"compare", "check", "cut", "replay", "repair", "report"};
}  // namespace

TEST_CASE("nearest finds the word that was meant") {
  CHECK(nearest("comapre", kNames) == "compare");  // two letters exchanged
  CHECK(nearest("compar", kNames) == "compare");
  CHECK(nearest("chek", kNames) == "check");
  CHECK(nearest("replqy", kNames) == "replay");
  CHECK(nearest("rep", kNames) == "replay");  // the first one that begins so
  CHECK(nearest("compare", kNames) == "compare");
}

TEST_CASE("nearest does not guess") {
  CHECK(nearest("", kNames).empty());
  CHECK(nearest("c", kNames).empty());
  CHECK(nearest("xyz", kNames).empty());
  CHECK(nearest("co", kNames).empty());
  CHECK(nearest("comparison", kNames).empty());
  CHECK(nearest(std::string(100'000, 'c'), kNames).empty());
  CHECK(nearest("compare", {}).empty());
}

TEST_CASE("did_you_mean is the end of a message") {
  CHECK(did_you_mean("chck", kNames) == "; did you mean 'check'?");
  CHECK(did_you_mean("nonesuch", kNames).empty());
}
