// Why an anon_vma is alive.
#include "engine/look/explanation.h"

#include "test/support/look_example.h"

namespace anonvma::test {
namespace {

Explanation explained(const Looking& looking, const ExplainQuestion& question) {
  auto found = explain(looking.look(), looking.scene(), question);
  REQUIRE(found);
  return *found;
}
ExplainQuestion about(std::uint64_t number) { return {.anon_vma = number, .mm = {}}; }

TEST_CASE("an ancestor without a vma of its own is explained by the fork that made it", "[look]") {
  const Looking looking(three_mms(), 6.5);
  const Explanation e = explained(looking, about(2));
  REQUIRE(e.lives.size() == 1);
  const AnonVmaLife& life = e.lives[0];
  CHECK(life.anon_vma.own_vmas == 0);
  CHECK(life.anon_vma.linked_vmas == 1);
  CHECK(life.anon_vma.root == 1);
  CHECK(life.anon_vma.parent == 1);
  CHECK(life.anon_vma.age_ns == 2'500'000'000);
  CHECK(life.anon_vma.bytes == 104 + 64);
  CHECK(life.anon_vma.origin.parent == MmId{0});
  CHECK(life.children == std::vector<std::uint64_t>{3});
  // Made in mm 1 by its fork, and carried on by the next one.
  CHECK(life.forks == 1);
  REQUIRE(life.carriers.size() == 2);
  CHECK(life.carriers[0].mm.mm == MmId{1});
  CHECK(life.carriers[0].vmas == 0);
  CHECK_FALSE(life.carriers[0].alive);
  CHECK(life.carriers[1].mm.mm == MmId{2});
  CHECK(life.carriers[1].depth == 1);
  CHECK(life.carriers[1].fork_ns == 5'000'000'000);
  CHECK(life.carriers[1].vmas == 1);
  REQUIRE(life.holders.size() == 1);
  CHECK(life.holders[0].mm == MmId{2});
  CHECK_FALSE(life.holders[0].own);
}

TEST_CASE("the whole moment has its abandoned ancestors and its deepest chains", "[look]") {
  const Looking looking(three_mms(), 6.5);
  const Explanation e = explained(looking, {.anon_vma = {}, .mm = {}});
  CHECK(e.lives.empty());
  CHECK(e.anon_vmas == 3);
  CHECK(e.chain_entries == 4);
  REQUIRE(e.abandoned.size() == 1);
  CHECK(e.abandoned[0].number == 2);
  std::uint64_t counted = 0;
  for (const AgeSpan& span : e.abandoned_ages) counted += span.anon_vmas;
  CHECK(counted == 1);
  CHECK(e.abandoned_ages[2].anon_vmas == 1);  // 1 s to 10 s
  CHECK(e.abandoned_ages[2].chain_entries == 1);
  REQUIRE(e.deepest.size() == 1);
  CHECK(e.deepest[0].mm == MmId{2});
  CHECK(e.deepest[0].vma.chain.size() == 3);
}

TEST_CASE("the largest and those of an mm come first by their bytes", "[look]") {
  const Looking looking(three_mms(), 5.5);
  const Explanation largest = explained(looking, {.anon_vma = {}, .mm = {}, .largest = 2});
  REQUIRE(largest.lives.size() == 2);
  CHECK(largest.lives[0].anon_vma.number == 1);  // three entries link to it
  CHECK(largest.lives[0].forks == 2);
  CHECK(largest.lives[1].anon_vma.number == 2);
  const Explanation of_mm = explained(looking, {.anon_vma = {}, .mm = looking.life(1)});
  CHECK(of_mm.of_its.size() == 2);
  REQUIRE(of_mm.lives.size() == 1);
  CHECK(of_mm.lives[0].anon_vma.number == 1);
}

TEST_CASE("an anon_vma that is not alive is a usage error", "[look]") {
  Life life = three_mms();
  life.exit(2);
  const Looking looking(life, 7.5);
  const auto gone = explain(looking.look(), looking.scene(), about(3));
  REQUIRE_FALSE(gone);
  CHECK_THAT(gone.error().message, ContainsSubstring("was freed before"));
  const auto never = explain(looking.look(), looking.scene(), about(77));
  REQUIRE_FALSE(never);
  CHECK(never.error().code == ErrorCode::usage);
  CHECK_THAT(never.error().message, ContainsSubstring("was not made until then"));
}

TEST_CASE("designs without chains are explained by their vmas", "[look]") {
  const Explanation e = explained(Looking(three_mms(), 5.5, "legacy"), about(1));
  CHECK(e.lives[0].anon_vma.bytes == 104);
  CHECK(e.lives[0].anon_vma.own_vmas == 3);
  CHECK(e.lives[0].forks == 2);
  CHECK(e.deepest.empty());
  const Explanation none = explained(Looking(three_mms(), 5.5, "cow-context"), {});
  CHECK(none.anon_vmas == 0);
  CHECK(none.without_anon_vma == 3);
}

}  // namespace
}  // namespace anonvma::test
