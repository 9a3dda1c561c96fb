// The one parser of a kernel's release.
#include "engine/release.h"

#include <algorithm>
#include <vector>

#include "test/catch.h"

namespace anonvma::test {
namespace {

TEST_CASE("a release is up to three numbers, whatever follows them", "[release]") {
  const std::pair<const char*, Release> rows[] = {
      {"6.18.44", {6, 18, 44}},
      {"6.18.44-cloud-amd64", {6, 18, 44}},
      {"6.18.15+deb13-amd64", {6, 18, 15}},
      {"6.1.0-56-amd64", {6, 1, 0}},
      {"2.6.32", {2, 6, 32}},
      {"2.6.33.20", {2, 6, 33}},
      {"3.2.0-4", {3, 2, 0}},
      {"5.10", {5, 10, 0}},
      {"7.0-rc3", {7, 0, 0}},
      {"7.0.0-rc1", {7, 0, 0}},
      {"7", {7, 0, 0}},
      {"7.", {7, 0, 0}},
      {"7.x", {7, 0, 0}},
      {"6.18.", {6, 18, 0}},
      {"6..8", {6, 0, 0}},
      {"0.1", {0, 1, 0}},
      {"6.99999999999.1", {6, 0, 0}},
  };
  for (const auto& [text, release] : rows) {
    INFO(text);
    CHECK(parse_release(text) == release);
  }
}

TEST_CASE("a text without a number above 0 at its beginning is no release", "[release]") {
  for (const char* text :
       {"", ".", "next", "v6.1", "-6.1", "+6.1", " 6.1", "0", "0.0.0", "99999999999.1", "mine"}) {
    INFO(text);
    CHECK_FALSE(parse_release(text).has_value());
  }
}

TEST_CASE("releases compare by number, not by letter", "[release]") {
  const std::vector<Release> ordered = {
      *parse_release("2.6.9"),    *parse_release("2.6.32"), *parse_release("3.0"),
      *parse_release("6.2"),      *parse_release("6.12"),   *parse_release("6.12.9"),
      *parse_release("6.12.117"), *parse_release("6.13"),   *parse_release("7.0")};
  CHECK(std::is_sorted(ordered.begin(), ordered.end()));
  CHECK(std::adjacent_find(ordered.begin(), ordered.end()) == ordered.end());
}

}  // namespace
}  // namespace anonvma::test
