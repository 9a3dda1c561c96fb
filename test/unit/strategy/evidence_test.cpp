// A strategy counts as right if evidence beside its own code says so: numbers of real kernels'
// functions (test/vectors), or closed forms of its definition for lives of any length. A registered
// strategy without either fails here.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/replay/vector_ops.h"
#include "engine/replay/vectors.h"
#include "engine/strategy/registry.h"
#include "test/catch.h"

namespace anonvma {
namespace {

using Json = nlohmann::json;

// --- lives of any length

// Objects alive at the end, and allocated in all; contexts belong to cow-context.
struct Counts {
  std::uint64_t av = 0, avc = 0, cum_av = 0, cum_avc = 0, locks = 0;
  std::uint64_t contexts = 0, cum_contexts = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Counts& c) {
    return out << fmt::format("{}/{} {}/{} L{}, contexts {} {}", c.av, c.avc, c.cum_av, c.cum_avc,
                              c.locks, c.contexts, c.cum_contexts);
  }
};
// Checks that no other object was allocated, and that each mapped vma has a vm_area_struct.
Counts counts(const VectorLife& life, std::uint64_t mapped) {
  const SlabAccount& slab = life.slab();
  CHECK(slab.usage(kVmAreaStruct).active_objs == mapped);
  for (std::size_t c = kMapleNode; c < kAllCaches; ++c)
    CHECK(slab.usage(static_cast<CacheIndex>(c)).allocs == 0);
  const CacheUsage &av = slab.usage(kAnonVma), &avc = slab.usage(kAnonVmaChain),
                   &context = slab.usage(kCowContext);
  return {av.active_objs,    avc.active_objs,     av.allocs,     avc.allocs,
          slab.root_locks(), context.active_objs, context.allocs};
}

// n generations of one vma, each parent exits after forking.
Counts line_of(std::uint64_t n, const StrategyInfo& info) {
  VectorLife life(info);
  REQUIRE(life.apply("M 0 0 -1 -1 10 14 3"));
  REQUIRE(life.apply("F 0"));
  for (std::uint64_t i = 1; i < n; ++i) {
    REQUIRE(life.apply(fmt::format("K {} {} {} -1", i - 1, i, i)));
    REQUIRE(life.apply(fmt::format("U {}", i - 1)));
  }
  return counts(life, 1);
}
// n children of one vma, all alive or each gone before the next is born.
Counts children_of(std::uint64_t n, bool alive, const StrategyInfo& info) {
  VectorLife life(info);
  REQUIRE(life.apply("M 0 0 -1 -1 10 14 3"));
  REQUIRE(life.apply("F 0"));
  for (std::uint64_t i = 1; i <= n; ++i) {
    REQUIRE(life.apply(fmt::format("K 0 {} {} -1", i, i)));
    if (!alive) REQUIRE(life.apply(fmt::format("U {}", i)));
  }
  return counts(life, alive ? n + 1 : 1);
}
// k vmas side by side that share an anon_vma, forked once.
Counts sharing_of(std::uint64_t k, const StrategyInfo& info) {
  VectorLife life(info);
  for (std::uint64_t i = 0; i < k; ++i) {
    REQUIRE(life.apply(fmt::format("M {} 0 {} -1 {} {} {}", i, static_cast<long>(i) - 1, i * 2,
                                   i * 2 + 2, i % 2 ? 3 : 7)));
    REQUIRE(life.apply(fmt::format("F {}", i)));
  }
  for (std::uint64_t i = 0; i < k; ++i)
    REQUIRE(
        life.apply(fmt::format("K {} {} 1 {}", i, k + i, i ? static_cast<long>(k + i) - 1 : -1)));
  return counts(life, 2 * k);
}

// --- closed forms

using Form = Counts (*)(std::uint64_t n);
struct ClosedForms {
  std::string_view strategy;
  Form line;     // n generations, n >= 3
  Form alive;    // n children
  Form gone;     // n times a fork and the child's exit
  Form sharing;  // n vmas
};

// Designs with chains: an anon_vma and two entries per child.
Counts all_alive(std::uint64_t n) { return {n + 1, 2 * n + 1, n + 1, 2 * n + 1, 2 * n + 1}; }
// `locks` of a fork and an exit: the clone, the own entry, the unlink of two, the last child.
template <std::uint64_t locks>
Counts all_gone(std::uint64_t n) {
  return {1, 1, n + 1, 2 * n + 1, locks * n + 1};
}
Counts none_shared(std::uint64_t k) { return {k + 1, 3 * k, k + 1, 3 * k, 3 * k}; }

// Nothing is reused: generation i has i entries.
template <Form locks>
Counts growing_line(std::uint64_t n) {
  return {n, n, n, n * (n + 1) / 2, locks(n).locks};
}
Counts each_entry(std::uint64_t n) { return {.locks = n * n}; }
Counts once_per_clone(std::uint64_t n) { return {.locks = 1 + 2 * (n - 1) + n * (n - 1) / 2}; }
Counts once(std::uint64_t n) { return {.locks = 3 * n - 2}; }

// With reuse there are never more than three generations.
Counts reused_line(std::uint64_t n) { return {3, 3, 3, 3 * n - 3, 2 * n + 1}; }
Counts reused_line_ahead(std::uint64_t n) { return {3, 3, n, 4 * n - 6, 2 * n + 1}; }

// With three generations the last one is still lazy: reuse begins with the fourth.
Counts lazy_line(std::uint64_t n) {
  return n == 3 ? Counts{2, 2, 2, 5, 7} : Counts{3, 3, 3, 3 * n - 3, 2 * n + 3};
}
Counts lazy_alive(std::uint64_t n) { return {1, n + 1, 1, n + 1, n + 1}; }
Counts lazy_gone(std::uint64_t n) { return {1, 1, 1, n + 1, 3 * n + 1}; }
Counts lazy_sharing(std::uint64_t k) { return {1, 2 * k, 1, 2 * k, 2 * k}; }

Counts nothing(std::uint64_t) { return {}; }

constexpr ClosedForms kClosedForms[] = {
    {"legacy",
     [](std::uint64_t n) -> Counts {
       return {1, 0, 1, 0, 2 * n - 1};
     },
     [](std::uint64_t n) -> Counts {
       return {1, 0, 1, 0, n + 1};
     },
     [](std::uint64_t n) -> Counts {
       return {1, 0, 1, 0, 2 * n + 1};
     },
     [](std::uint64_t k) -> Counts {
       return {1, 0, 1, 0, 2 * k};
     }},
    {"avc-2.6.34", growing_line<each_entry>, all_alive, all_gone<4>, none_shared},
    {"avc-2.6.37", growing_line<each_entry>, all_alive, all_gone<5>, none_shared},
    {"avc-clone-lock", growing_line<once_per_clone>, all_alive, all_gone<4>, none_shared},
    {"avc-3.0", growing_line<once>, all_alive, all_gone<3>, none_shared},
    {"degree", reused_line, all_alive, all_gone<3>, none_shared},
    {"mergeable-parent", reused_line, all_alive, all_gone<3>,
     [](std::uint64_t k) -> Counts {
       return {2, 2 * k + 1, 2, 2 * k + 1, 2 * k + 1};
     }},
    {"mergeable-parent-kk2", reused_line, all_alive, all_gone<3>,
     [](std::uint64_t k) -> Counts {
       return {2, 3 * k, 2, 3 * k, 2 * k + 1};
     }},
    {"num-children", reused_line, all_alive, all_gone<3>, none_shared},
    {"linux-7.0", reused_line_ahead, all_alive, all_gone<3>, none_shared},
    {"lazy-v1", lazy_line, lazy_alive, lazy_gone, lazy_sharing},
    {"lazy-v1-noleak", lazy_line, lazy_alive, lazy_gone, lazy_sharing},
    // One lock for a context that is linked to its parent's, and one for a context
    // that is unlinked.
    {"cow-context",
     [](std::uint64_t n) -> Counts { return {.locks = n - 1, .contexts = n, .cum_contexts = n}; },
     [](std::uint64_t n) -> Counts {
       return {.locks = n, .contexts = n + 1, .cum_contexts = n + 1};
     },
     [](std::uint64_t n) -> Counts {
       return {.locks = 2 * n, .contexts = 1, .cum_contexts = n + 1};
     },
     [](std::uint64_t) -> Counts { return {.locks = 1, .contexts = 2, .cum_contexts = 2}; }},
    {"noswap", nothing, nothing, nothing, nothing},
};

TEST_CASE("closed forms of a line, of children and of sharing vmas") {
  for (const ClosedForms& forms : kClosedForms) {
    INFO("strategy " << forms.strategy);
    const StrategyInfo* const info = find_strategy(forms.strategy);
    REQUIRE(info);
    for (const std::uint64_t n : {1, 2, 3, 4, 7, 8, 17, 100, 1000}) {
      INFO("n = " << n);
      if (n >= 3 && n <= 100) CHECK(line_of(n, *info) == forms.line(n));
      CHECK(children_of(n, true, *info) == forms.alive(n));
      CHECK(children_of(n, false, *info) == forms.gone(n));
      if (n <= 100) CHECK(sharing_of(n, *info) == forms.sharing(n));
    }
  }
}

// --- vectors

std::string read_vectors(const char* name) {
  std::ifstream file(std::string(ANONVMA_SOURCE_DIR "/test/vectors/") + name, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}
// The scenarios of a file that concern one strategy.
std::string scenarios_of(std::string_view strategy, Json file) {
  const std::string name(strategy);
  for (Json& vector : file["vectors"])
    for (Json& checkpoint : vector["checkpoints"]) {
      Json only = Json::object();
      if (checkpoint["expect"].contains(name)) only[name] = checkpoint["expect"][name];
      checkpoint["expect"] = only;
    }
  return file.dump();
}
std::string lives_of(std::string_view strategy, std::string_view lines) {
  const std::string begin = fmt::format("{{\"strategy\":\"{}\",", strategy);
  std::string out;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    if (line.starts_with(begin)) out += std::string(line) + '\n';
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
  }
  return out;
}
bool meets_some(const std::string& vectors) {
  if (vectors.empty()) return false;
  const auto report = run_vectors(vectors);
  REQUIRE(report);
  return report->checkpoints > 0 && report->mismatches == 0;
}

TEST_CASE("every registered strategy meets vectors, or has closed forms") {
  const Json scenarios = Json::parse(read_vectors("vectors.json"));
  const std::string lives = read_vectors("vectors_random.jsonl");
  std::size_t met = 0;
  for (const StrategyInfo& info : strategies()) {
    INFO("strategy " << info.name);
    const bool vectors =
        meets_some(scenarios_of(info.name, scenarios)) && meets_some(lives_of(info.name, lives));
    const bool closed =
        std::any_of(std::begin(kClosedForms), std::end(kClosedForms),
                    [&](const ClosedForms& forms) { return forms.strategy == info.name; });
    CHECK((vectors || closed));
    met += vectors;
  }
  CHECK(met == 10);  // the strategies with lives in vectors_random.jsonl
}

}  // namespace
}  // namespace anonvma
