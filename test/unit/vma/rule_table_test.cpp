// The table of rules: its rows are well-formed, and the sets of rules come from it.
#include "engine/vma/rule_table.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "test/catch.h"

namespace anonvma::test {
namespace {

Release release(std::string_view text) { return parse_release(text).value_or(Release{}); }

TEST_CASE("every rule has a name, a sentence, and a source or none at all", "[rules]") {
  std::set<std::string_view> names;
  for (const RuleInfo& rule : rule_table()) {
    INFO(rule.name);
    CHECK(names.insert(rule.name).second);
    CHECK(find_rule(rule.name) == &rule);
    CHECK(rule.differs.ends_with('.'));
    CHECK(rule.commit.empty() == rule.subject.empty());
    if (!rule.commit.empty()) {
      CHECK(rule.commit.size() == 12);
      CHECK(std::all_of(rule.commit.begin(), rule.commit.end(),
                        [](unsigned char c) { return std::isxdigit(c) && !std::isupper(c); }));
    }
    CHECK(rule.probe_note.empty() == (rule.probe == RuleProbe::experiment));
  }
  CHECK(find_rule("") == nullptr);
  CHECK(find_rule("sticky") == nullptr);
}

TEST_CASE("the intervals of a rule are releases, in order, and do not overlap", "[rules]") {
  for (const RuleInfo& rule : rule_table()) {
    INFO(rule.name);
    REQUIRE_FALSE(rule.intervals.empty());
    CHECK(rule.intervals.size() <= 3);  // raise it if a rule really has more backports
    std::string_view before;
    for (const RuleInterval& interval : rule.intervals) {
      const bool first = &interval == &rule.intervals.front();
      const bool last = &interval == &rule.intervals.back();
      CHECK((first || !interval.since.empty()));
      CHECK((last || !interval.until.empty()));
      CHECK((first || release(before) <= release(interval.since)));
      if (!interval.until.empty()) CHECK(release(interval.since) < release(interval.until));
      for (const std::string_view end : {interval.since, interval.until})
        CHECK((end.empty() || parse_release(end).has_value()));
      before = interval.until;
    }
  }
}

TEST_CASE("a rule holds from the first release of an interval up to its end", "[rules]") {
  const RuleInfo& rule = *find_rule("self_merge");
  const std::pair<const char*, bool> rows[] = {
      {"2.6.32", true},  {"6.1.191", true},  {"6.1.192", false},     {"6.6.50", false},
      {"6.7-rc1", true}, {"6.12.116", true}, {"6.12.117-rt", false}, {"6.12.400", false},
      {"6.13", true},    {"6.19.99", true},  {"7.0-rc1", false},     {"8.0", false},
  };
  for (const auto& [text, holds] : rows) {
    INFO(text);
    CHECK(rule.holds(release(text)) == holds);
    CHECK(rules_for_release(text).self_merge == holds);
  }
}

TEST_CASE("the rules of a release are those whose intervals contain it", "[rules]") {
  std::vector<std::string> releases;
  for (const KernelRules& rules : known_rules()) {
    releases.push_back(rules.name);
    releases.push_back(rules.name + "-rc2");
    releases.push_back(rules.name + ".999");
  }
  for (const std::string& text : releases)
    for (const RuleInfo& rule : rule_table()) {
      INFO(text << ' ' << rule.name);
      CHECK(rule.get(rules_for_release(text)) == rule.holds(release(text)));
    }
}

TEST_CASE("a rule is set and taken back", "[rules]") {
  for (const RuleInfo& rule : rule_table()) {
    INFO(rule.name);
    KernelRules rules;
    rule.set(rules, true);
    CHECK(rule.get(rules));
    rule.set(rules, false);
    const bool is_value = rule.name.find('=') != std::string_view::npos;
    CHECK(rule.get(rules) == is_value);  // a value ends where another one begins
  }
}

// Names of sets are words of the command line, and stand under tables. A new interval adds its ends
// here; none may go.
TEST_CASE("no set of rules is renamed or lost", "[rules]") {
  std::string names;
  for (const KernelRules& rules : known_rules()) names += rules.name + ' ';
  CHECK(names ==
        "2.6.32 2.6.34 2.6.36 2.6.37 3.0 3.10 3.19 4.9 4.14 5.6 5.7 5.10 5.13 5.18 6.1 6.1.37 "
        "6.1.192 6.7 6.8 6.12 6.12.117 6.13 6.15 6.16 6.17 6.18.8 6.18.16 6.19 7.0 7.2 7.3 ");
}

TEST_CASE("a release without a rule of its own has the rules of the one before", "[rules]") {
  CHECK(rules_for_release("98.7").name == known_rules().back().name);
  CHECK(rules_for_release("99.0-rc1").name == known_rules().back().name);
}

}  // namespace
}  // namespace anonvma::test
