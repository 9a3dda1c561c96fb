// Eras older than any kernel that can record, for the designs of their times.
#include "engine/strategy/registry.h"
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

enum class State { unfaulted, faulted, forked };

// | T | S |: tests whether they merge when S gets the flags of T. S is read-only at first and not
// accounted for, so that they share nothing.
bool joins(std::string_view era, State target, State range) {
  World w("num-children", era);
  const auto make = [&](std::uint64_t page, State state, std::string_view prot) {
    w.map(page, 2, prot);
    if (state != State::unfaulted) w.touch(page);
  };
  if (target == State::forked) make(0, target, "rw");
  if (range == State::forked) make(2, range, "r");
  w.fork(1).in(1);
  if (target != State::forked) make(0, target, "rw");
  if (range != State::forked) make(2, range, "r");
  w.protect(2, 2, "rw");
  return w.spaces().vmas(MmId{1}).size() == 1;
}

TEST_CASE("which anon_vmas may meet in one vma, by era", "[vma][rules]") {
  struct Row {
    State target, range;
    bool up_to_2_6_37, up_to_6_15, since_6_16;
  };
  constexpr State un = State::unfaulted, fl = State::faulted, fk = State::forked;
  const Row rows[] = {
      {un, un, true, true, true},    {un, fl, true, false, true},   {fl, un, true, true, true},
      {un, fk, true, false, false},  {fk, un, true, false, false},  {fl, fl, false, false, false},
      {fl, fk, false, false, false}, {fk, fl, false, false, false}, {fk, fk, false, false, false},
  };
  const auto check = [](const Eras& eras, State target, State range, bool expected) {
    for (const std::string_view era : eras) {
      INFO(era << " T " << static_cast<int>(target) << " S " << static_cast<int>(range));
      CHECK(joins(era, target, range) == expected);
    }
  };
  for (const Row& row : rows) {
    check(before("3.0"), row.target, row.range, row.up_to_2_6_37);
    check(between("3.0", "6.16"), row.target, row.range, row.up_to_6_15);
    check(since("6.16"), row.target, row.range, row.since_6_16);
  }
}

//  | fk | ** |   ->  |    fk   |
TEST_CASE("up to 2.6.37 a new range goes into a forked neighbour", "[vma][rules]") {
  const auto life = [](World& w) { w.map(0, 2, "rw").write(0).fork(1).in(1).map(2, 2, "rw"); };
  expect(before("3.0"), life, "0-4 rw forked a1", 1);
  expect(since("3.0"), life, "0-2 rw forked a1 | 2-4 rw unfaulted", 1);
}

//  | ** un | fl |   ->  |     fl     |   the lower struct stayed, and needed a chain
TEST_CASE("up to 4.8 a vma that goes into the next one takes it in instead", "[vma][rules]") {
  for (const std::string_view era : every_era()) {
    INFO("rules of " << era);
    World w("num-children", era);
    w.map(0, 2, "r").map(2, 2, "rw").write(2);
    const VmaId lower = w.id(0), upper = w.id(2);
    w.protect(0, 2, "rw");
    CHECK(w.show() == "0-4 rw faulted a1");
    CHECK(w.pgoff(0) == 0);
    const bool old = !find_rules(era)->merge_keeps_next;
    CHECK(w.id(0) == (old ? lower : upper));
    CHECK(w.allocs(kAnonVmaChain) == (old ? 2 : 1));
    CHECK(w.active(kAnonVmaChain) == 1);
  }
  CHECK_FALSE(find_rules("3.19")->merge_keeps_next);
  CHECK(find_rules("4.9")->merge_keeps_next);
}

TEST_CASE("from 4.14 to 5.6 a child's wiped vma is prepared in fork", "[vma][rules]") {
  const auto life = [](World& w) {
    w.map(0, 2, "rw").write(0).advise(0, 2, kMadvWipeOnFork).fork(1).in(1);
  };
  expect(between("4.14", "5.7"), life, "0-2 rw wipe faulted a1", 1);
  expect(before("4.14"), life, "0-2 rw wipe unfaulted", 1);
  expect(since("5.7"), life, "0-2 rw wipe unfaulted", 1);
  World w("num-children", "5.6");
  life(w);
  CHECK(w.active(kAnonVma) == 2);
  CHECK(w.active(kAnonVmaChain) == 2);
  w.exit().in(0).exit();
  CHECK(w.active(kAnonVma) == 0);
}

// No era uses the flag, so it is dropped from mappings that are read back.
TEST_CASE("VM_SOFTDIRTY keeps nothing apart in any era", "[vma][rules]") {
  for (const KernelRules& rules : known_rules()) {
    CHECK((rules.ignored_by_merge() & kVmSoftDirty) != 0);
    CHECK((rules.ignored_by_sharing() & (kVmSoftDirty | kVmAccess)) == (kVmSoftDirty | kVmAccess));
    CHECK((rules.ignored_by_sharing() & (kVmAccount | kVmLocked | kVmNoReserve)) == 0);
  }
}

TEST_CASE("every strategy's era is known", "[rules]") {
  for (const StrategyInfo& strategy : strategies()) {
    INFO(strategy.name);
    CHECK((strategy.era.empty() || find_rules(strategy.era) != nullptr));
  }
  for (const std::string_view era :
       {"2.6.32", "2.6.34", "2.6.37", "3.0", "3.19", "4.14", "5.6", "5.7", "5.10", "6.18", "7.0"})
    CHECK(find_rules(era) != nullptr);
}

TEST_CASE("rules are found by name, or by the release they are the newest of", "[rules]") {
  CHECK(find_rules("6.18")->name == "6.18.16");
  CHECK(find_rules("6.12")->name == "6.12");
  CHECK(find_rules("6.1")->name == "6.1");
  CHECK(find_rules("6.2") == nullptr);
  CHECK(find_rules("6") == nullptr);
  CHECK(find_rules("") == nullptr);
}

TEST_CASE("a release gets the newest set that is not newer", "[rules]") {
  const std::pair<const char*, const char*> rows[] = {
      {"2.6.18", "2.6.32"}, {"2.6.33.20", "2.6.32"}, {"2.6.35.6", "2.6.34"}, {"2.6.38", "2.6.37"},
      {"3.2.0-4", "3.0"},   {"3.16.84", "3.10"},     {"4.4.1", "3.19"},      {"4.9.320", "4.9"},
      {"4.19.5", "4.14"},   {"5.5.0", "4.14"},       {"5.6.4", "5.6"},       {"5.9.1", "5.7"},
      {"5.10.262", "5.10"}, {"no release", "5.10"},  {"", "5.10"},
  };
  for (const auto& [release, rules] : rows) CHECK(rules_for_release(release).name == rules);
}

TEST_CASE("only sets older than any recorder assume something", "[rules]") {
  for (const KernelRules& rules : known_rules()) {
    if (rules.name == "5.10") break;
    INFO(rules.name);
    CHECK_FALSE(rules.assumed.empty());
  }
  for (const std::string_view era : since("5.10")) CHECK(find_rules(era)->assumed.empty());
}

}  // namespace
}  // namespace anonvma::test
