// The design that a kernel runs is recognised by its types and its release.
#include "engine/strategy/own.h"

#include "engine/strategy/registry.h"
#include "test/catch.h"

namespace anonvma {
namespace {

TEST_CASE("the kernel's own strategy is told by its structures") {
  const auto own = [](std::vector<std::string> members, std::uint64_t args,
                      std::string release = "") {
    return std::string(own_strategy({std::move(release), std::move(members), args}));
  };
  REQUIRE(own({"root", "num_children", "num_active_vmas"}, 2) == "num-children");
  REQUIRE(own({"root", "num_children", "num_active_vmas"}, 3) == "linux-7.0");
  REQUIRE(own({"root", "degree"}, 2) == "degree");
  REQUIRE(own({"root"}, 2).empty());
  REQUIRE(own({}, 0).empty());
  // Stable kernels have backports, so types win over the release.
  REQUIRE(own({"num_children"}, 2, "5.10.223") == "num-children");
  REQUIRE(own({"degree"}, 2, "5.10.100") == "degree");
  REQUIRE(own({"num_children"}, 3, "6.18.99") == "linux-7.0");
  REQUIRE(own({"num_children"}, 2, "7.0.0-rc1") == "num-children");
  // Without the types the release is a hint.
  REQUIRE(own({"num_children"}, 0, "6.18.15+deb13-amd64") == "num-children");
  REQUIRE(own({"num_children"}, 0, "7.3.4") == "linux-7.0");
  REQUIRE(own({"num_children"}, 0, "mine").empty());
  REQUIRE(own({"num_children"}, 4, "7.9").empty());
  REQUIRE(own({"degree"}, 2, "5.5.19") == "mergeable-parent");
  REQUIRE(own({"degree"}, 2, "5.7.1") == "degree");
}

TEST_CASE("the kernel's own counters are those of its design") {
  CHECK(own_counters({"5.10.100", {"degree"}, 2}) == Counters::degree);
  CHECK(own_counters({"5.5.19", {"degree"}, 2}) == Counters::degree);
  CHECK(own_counters({"6.18.1", {"num_children"}, 2}) == Counters::two);
  CHECK(own_counters({"2.6.32", {}, 0}) == Counters::none);
}

TEST_CASE("only a design that is mainline can be a kernel's own") {
  for (const StrategyInfo& s : strategies()) {
    INFO(s.name);
    CHECK((s.page().runs_in == nullptr || s.status == StrategyStatus::mainline));
    CHECK(s.page().basis.empty() == (s.status == StrategyStatus::mainline));
  }
}

}  // namespace
}  // namespace anonvma
