// The first screen: its lines, its width, and that nothing that was asked for is left out.
#include "engine/report/brief.h"

#include <algorithm>

#include "test/catch.h"
#include "test/support/report_example.h"

using namespace anonvma;
using namespace anonvma::test;

namespace {

std::size_t lines_in(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string brief(const Comparison& c, const Screen& screen = {}) {
  return render(c, {.format = Format::brief, .screen = screen});
}

// Without the codes of colours.
std::string without_colors(const std::string& text) {
  std::string out;
  bool in_code = false;
  for (const char ch : text) {
    if (ch == '\x1b') in_code = true;
    if (!in_code) out += ch;
    if (ch == 'm') in_code = false;
  }
  return out;
}

// Five strategies with the largest numbers that fit.
Comparison wide_example() {
  Comparison c = costly_example();
  while (c.rows.size() < 5) {
    c.rows.push_back(c.rows[1]);
    c.rows.back().strategy = fmt::format("design-{}-of-14", c.rows.size());
  }
  for (ReplayResult& row : c.rows) {
    for (std::size_t cache = 0; cache < kNumCaches; ++cache)
      row.peak.slab.objs[cache] = row.strategy == c.baseline ? 99'999 : 123'456 + 77 * cache;
    row.root_locks = 98'765'432;
    row.peak.walks.p99 = 12'345;
  }
  return c;
}

}  // namespace

TEST_CASE("brief: the table, line by line") {
  Comparison c = costly_example();
  c.trace.meta.command = {"make", "-j8"};
  CHECK(brief(c) ==
        R"(samples/a.trace: 1.5 s of 'make -j8' on 6.18.44 x86_64
Objects at each design's peak, change against num-children; walk is the p99:

                 KiB       vmas     chains   anon_vmas  allocs  locks  walk
num-children    11.6       20       60         40           85    100    10
lazy-v1-noleak   8.4 -27%  24 +20%  30 -50%    20 -50%      50    110    10

verified by map_count and snapshots; LOST 1 event (0.10 %); accuracy not
  recorded
More: --full (all tables), --by comm, --at SECONDS, --format lkml|json.
)");
}

TEST_CASE("brief: five strategies with large numbers fit into 24 lines of 80 columns") {
  const std::string text = brief(wide_example());
  CHECK(lines_in(text) <= 24);
  CHECK(longest_line(text) <= 80);
  CHECK_THAT(text, ContainsSubstring("98.8M"));
}

TEST_CASE("brief: a narrow screen has the costs in a table of their own") {
  const std::string text = brief(wide_example(), {.columns = 60});
  CHECK(longest_line(text) <= 60);
  CHECK(lines_in(text) <= 24);
  CHECK_THAT(text, ContainsSubstring("allocs"));
}

TEST_CASE("brief: raw bytes, and colours that change nothing else") {
  const Comparison c = costly_example();
  CHECK_THAT(brief(c, {.raw_bytes = true}),
             ContainsSubstring("bytes") && ContainsSubstring("11840"));
  const std::string colored = brief(c, {.color = true});
  CHECK_THAT(colored, ContainsSubstring("\x1b[32m-27%\x1b[0m") &&
                          ContainsSubstring("\x1b[31m+20%\x1b[0m") &&
                          ContainsSubstring("\x1b[36mnum-children\x1b[0m"));
  CHECK(without_colors(colored) == brief(c));
}

TEST_CASE("brief: one row has no changes, a long name a legend, other objects a sentence") {
  Comparison c = costly_example();
  c.rows.pop_back();
  CHECK_THAT(brief(c), !ContainsSubstring("%  ") && !ContainsSubstring("change against"));
  c = costly_example();
  c.rows[1].strategy = "lazy-v1:merge=base,fork=never";
  c.rows[1].caches[kCowContext].allocs = 3;
  c.rows[1].peak.slab.objs[kCowContext] = 2;
  c.rows[1].peak.remap_entries = 1234;
  CHECK_THAT(brief(c), ContainsSubstring("\nlazy-v1 [1] ") &&
                           ContainsSubstring("\n[1] lazy-v1:merge=base,fork=never\n") &&
                           ContainsSubstring(" also holds 2 cow_context, 1,234 words in remap"));
}

TEST_CASE("brief: what was asked for is there") {
  Comparison c = costly_example();
  for (ReplayResult& row : c.rows) {
    row.at = row.peak;
    row.at->slab.objs[kAnonVma] = 77;
    row.reach = ReachReport{.checks = 5, .findings = 0, .pages = 0, .first = {}};
    row.slub.emplace();
    (*row.slub)[kAnonVma].slabs_peak = 321;
  }
  c.at_s = 0.25;
  const std::string text = render(c, {.format = Format::brief, .by = By::comm, .top = 1});
  CHECK_THAT(text, ContainsSubstring(
                       "Objects at 0.250 s, change against num-children; walk is the p99:") &&
                       ContainsSubstring(" 77") && ContainsSubstring("every page reachable") &&
                       ContainsSubstring("held at the peak of the sum") &&
                       ContainsSubstring("slabs in a model of SLUB") && ContainsSubstring("321"));
  CHECK(longest_line(text) <= 80);
}

TEST_CASE("brief: what makes a table less than exact is said") {
  Comparison c = costly_example();
  c.trace.damage = "file ends inside a chunk";
  for (ReplayResult& row : c.rows) row.approximate = {"records were lost"};
  c.rows[0].anomalies[Anomaly::lost_events] = 4;
  const std::string text = brief(c);
  CHECK_THAT(text, ContainsSubstring("DAMAGED: file ends inside a chunk") &&
                       ContainsSubstring("approximate: all rows: records were lost") &&
                       ContainsSubstring("DATA LOSS: lost_events") &&
                       ContainsSubstring("not verified: the trace is damaged"));
  c = costly_example();
  c.verdict->lanes[0].equal = 7;
  CHECK_THAT(brief(c), ContainsSubstring("NO: differs"));
  c.trace.meta.tier = "exact";
  c.trace.lost = 0;
  c.verdict->lanes[0].equal = 10;
  c.verdict->truth = true;
  CHECK_THAT(brief(c),
             ContainsSubstring("\nverified object for object; no event lost; accuracy: exact\n"));
}

TEST_CASE("brief: several traces, and their sum") {
  const Comparison both[] = {costly_example(), costly_example()};
  const std::string text = render_all(both, {.format = Format::brief});
  CHECK_THAT(text, ContainsSubstring("Sum of 2 traces\n") &&
                       ContainsSubstring("num-children    23.1") &&
                       ContainsSubstring("Peaks are those of each trace"));
}

TEST_CASE("brief: one strategy in depth") {
  Comparison c = costly_example();
  c.rows.pop_back();
  c.rows[0].slub.emplace();
  const std::string text = render(c, {.format = Format::brief, .in_depth = true});
  CHECK_THAT(text, ContainsSubstring("Under num-children; the peak is at 0.250 s:") &&
                       ContainsSubstring("85 objects: fork 82%, fault 18%") &&
                       ContainsSubstring("median 2, p99 10, at most 11 vmas"));
  CHECK(lines_in(text) <= 24);
  CHECK(longest_line(text) <= 80);
}

TEST_CASE("brief: a verdict begins with its answer") {
  Comparison c = example();
  std::string text = render_verdict_brief(c, {});
  CHECK(text.starts_with("EQUAL to the kernel in 10 comparisons, 1 of 2 lanes\n"));
  CHECK_THAT(text, ContainsSubstring("not compared: chain entries in walks: recorded without"));
  CHECK(longest_line(text) <= 80);
  c.verdict->lanes[0].equal = 7;
  for (int i = 0; i < 9; ++i) c.verdict->differences.push_back(std::string(400, 'x'));
  c.verdict->excluded = {{"exec", "temporaries", {1, 2, 3}}};
  text = render_verdict_brief(c, {});
  CHECK(text.starts_with("DIFFERS from the kernel in 3 of 10 comparisons, 1 of 1 lanes\n"));
  CHECK_THAT(text, ContainsSubstring("3 of        10 differ") &&
                       ContainsSubstring("5 more differences: --full") &&
                       ContainsSubstring("left out: 6 objects"));
}
