// The start-up probe: the effect of its facts on the rules, and its experiments in the model under
// the rules of every kernel.
#include "tracers/kernel/probe_experiments.h"

#include <map>
#include <set>

#include "engine/trace/meta.h"
#include "engine/vma/kernel_rules.h"
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

const std::map<std::string, bool KernelRules::*> kMembers = {
#define RULE(name, ...) {#name, &KernelRules::name},
#define RULE_BY_FUNCTION(name, ...) {#name, &KernelRules::name},
#include "engine/vma/rules.def"
};

Meta seen(std::string release, Behaviours behaviours) {
  Meta meta;
  meta.release = std::move(release);
  meta.behaviours = std::move(behaviours);
  return meta;
}

// The behaviours that the rules predict.
Behaviours facts_of(const KernelRules& rules) {
  Behaviours facts = {{"sticky_guard", (rules.sticky & kVmMaybeGuard) != 0}};
  for (const auto& [name, member] : kMembers) facts[name] = rules.*member;
  return facts;
}

// Pages of the model, for the experiments: see probe_pages.h.
class ModelPages {
 public:
  explicit ModelPages(const KernelRules& rules)
      : rules_(rules), world_("num-children", rules.name) {}

  bool spoiled() const { return false; }
  void map(std::uint64_t page, std::uint64_t count = 1, int prot = PROT_READ | PROT_WRITE,
           int flags = 0) {
    world_.map(page, count, text(prot), static_cast<std::uint64_t>(flags) | 2);
  }
  void map_with_close(std::uint64_t page, std::uint64_t count) {
    world_.map(page, count, "rw", kMapShared, 7, 0, kOpsClose);
  }
  void map_file(std::uint64_t page, std::uint64_t of_file) {
    world_.map(page, 1, "rw", 0, 8, of_file);
  }
  void lock_on_fault(std::uint64_t page, std::uint64_t count) { world_.mlock_onfault(page, count); }
  void touch(std::uint64_t page) { world_.write(page); }
  void guard(std::uint64_t page) { world_.advise(page, 1, kMadvGuardInstall); }
  void protect(std::uint64_t page, std::uint64_t count, int prot) {
    world_.protect(page, count, text(prot));
  }
  void move(std::uint64_t from, std::uint64_t to, int flags = 0) {
    world_.move(from, 1, to, static_cast<std::uint64_t>(flags));
  }
  // Calls are replayed with their recorded results: the model does not decide which of them fail.
  int remap(std::uint64_t from, std::uint64_t old_count, std::uint64_t to, std::uint64_t count) {
    const VmaId source = world_.id(from);
    const bool inside = source && source == world_.id(from + old_count - 1);
    const bool many = source && old_count == count && rules_.remap_many;
    constexpr std::uint64_t kFlags = kMremapMayMove | kMremapFixed;
    if (inside || many)
      world_.remap(from, old_count, count, kFlags, to);
    else
      world_.remap_fails(from, old_count, count, kFlags, to, -EFAULT);
    return inside || many ? 0 : EFAULT;
  }
  void grow(std::uint64_t page, std::uint64_t old_count, std::uint64_t count) {
    world_.remap(page, old_count, count, 0, page);
  }
  int vmas() { return static_cast<int>(world_.spaces().vmas(mm_).size()); }
  bool mapped(std::uint64_t page) { return static_cast<bool>(world_.id(page)); }
  bool starts(std::uint64_t page) {
    return mapped(page) && world_.spaces().vma(world_.id(page)).start == World::addr(page);
  }
  bool guarded(std::uint64_t page) { return world_.has(page, kVmMaybeGuard); }
  template <class Life>
  int after_fork(Life life) {
    world_.fork(9).in(9);
    mm_ = MmId{9};
    const int result = life();
    world_.exit().in(0);
    mm_ = MmId{0};
    return result;
  }

 private:
  static std::string_view text(int prot) {
    return prot == PROT_NONE ? "" : prot == PROT_READ ? "r" : "rw";
  }
  const KernelRules& rules_;
  World world_;
  MmId mm_{0};
};

}  // namespace

TEST_CASE("under the rules of every kernel that can record, each experiment finds its rule",
          "[probe]") {
  std::map<std::string, std::set<bool>> outcomes;
  for (const std::string_view era : since("5.10")) {
    const KernelRules& rules = *find_rules(era);
    INFO("rules of " << era);
    const Behaviours facts = facts_of(rules);
    {
      ModelPages pages(rules);
      CHECK(probe::merges_and_splits(pages));
    }
    for (const auto& experiment : probe::experiments<ModelPages>()) {
      INFO(experiment.name);
      ModelPages pages(rules);
      const probe::Answer answer = experiment.run(pages);
      // If a faulted vma never merges into an unfaulted one, no copy is refused for its origin.
      const std::string_view name = experiment.name;
      const bool invisible = (name == "merge_checks_copied" && !rules.symmetric_merge) ||
                             (name == "self_merge_spares_others" && rules.self_merge);
      CHECK(answer.has_value() == !invisible);
      if (!answer) continue;
      CHECK(*answer == facts.at(experiment.name));
      outcomes[experiment.name].insert(*answer);
    }
  }
  // Each behaviour has had both results.
  for (const auto& experiment : probe::experiments<ModelPages>()) {
    INFO(experiment.name);
    CHECK(outcomes[experiment.name].size() == 2);
  }
}

TEST_CASE("a fact changes its own rule and nothing else", "[probe]") {
  for (const KernelRules& rules : known_rules()) {
    const Behaviours before = facts_of(rules);
    for (const auto& [name, value] : before) {
      INFO(rules.name << ' ' << name);
      KernelRules changed = rules;
      CHECK_FALSE(override_rule(changed, name, value));
      CHECK(override_rule(changed, name, !value));
      Behaviours expected = before;
      expected[name] = !value;
      CHECK(facts_of(changed) == expected);
      CHECK(changed.brk_extends_only == rules.brk_extends_only);
      CHECK(changed.munmap_frees_original == rules.munmap_frees_original);
      CHECK((changed.sticky ^ rules.sticky) == (name == "sticky_guard" ? kVmMaybeGuard : 0));
      CHECK(override_rule(changed, name, value));
      CHECK(facts_of(changed) == before);
    }
  }
}

TEST_CASE("what the recorder saw wins over the release, and shows in the name", "[probe]") {
  const KernelRules plain = rules_for_release("6.18.44");
  CHECK(rules_for(seen("6.18.44", {})).name == "6.18.16");
  CHECK(rules_for(seen("6.18.44", facts_of(plain))).name == "6.18.16");
  CHECK(unlike_release(seen("6.18.44", facts_of(plain))).empty());

  const KernelRules one = rules_for(seen("6.18.44", {{"self_merge", false}}));
  CHECK(one.name == "6.18.16+probe(self_merge=0)");
  CHECK_FALSE(one.self_merge);

  Behaviours facts = facts_of(plain);
  facts["self_merge"] = facts["remap_many"] = facts["sticky_guard"] = false;
  const KernelRules three = rules_for(seen("6.18.44", facts));
  CHECK(three.name == "6.18.16+probe(remap_many=0,self_merge=0,sticky_guard=0)");
  CHECK(facts_of(three) == facts);
  CHECK(rules_for(seen("6.18.5", {{"sticky_guard", true}})).sticky == kVmMaybeGuard);
}

TEST_CASE("a behaviour nobody knows changes nothing", "[probe]") {
  KernelRules rules = rules_for_release("6.18.44");
  for (const char* name : {"", "self_merg", "self_merge2", "name", "sticky", "brk_extends_only"}) {
    CHECK_FALSE(override_rule(rules, name, true));
    CHECK_FALSE(override_rule(rules, name, false));
  }
  CHECK(facts_of(rules) == facts_of(rules_for_release("6.18.44")));
  CHECK(rules_for(seen("6.18.44", {{"flies", true}})).name == "6.18.16");
}

}  // namespace anonvma::test
