// Tables from literal results: every number below can be worked out by hand.
#include <nlohmann/json.hpp>

#include "engine/report/grid.h"
#include "engine/report/render.h"
#include "engine/report/rows.h"
#include "test/catch.h"

namespace anonvma {
namespace {

ReplayResult result(std::string name, std::array<CacheUsage, kNumCaches> caches) {
  ReplayResult row;
  row.strategy = std::move(name);
  std::copy(caches.begin(), caches.end(), row.caches.begin());
  row.map_counts_compared = 200;
  return row;
}

// num-children against a design that keeps no anon_vma.
Comparison example() {
  Comparison c;
  c.baseline = "num-children";
  c.trace.path = "samples/a.trace";
  c.trace.hash = "0123456789abcdef";
  c.trace.meta.release = "6.18.44";
  c.trace.meta.machine = "x86_64";
  c.trace.meta.cpus = 2;
  c.trace.meta.scope = "command";
  c.trace.meta.faults = "write";
  c.trace.meta.caches = {CacheSpec{"vm_area_struct", 192, 21, 1},
                         CacheSpec{":A-0000064", 64, 64, 1}, CacheSpec{"anon_vma", 104, 39, 1}};
  c.trace.events = 999;
  c.trace.lost = 1;
  c.trace.duration_ns = 1'500'000'000;
  c.trace.mms = 3;
  c.trace.own_strategy = "num-children";
  c.trace.rules = "linux-6.18";
  c.rows.push_back(result("num-children", {CacheUsage{16, 22, 30, 14}, CacheUsage{32, 64, 80, 48},
                                           CacheUsage{0, 40, 50, 50}}));
  c.rows.push_back(result("lazy-v1-noleak", {CacheUsage{16, 24, 32, 16}, CacheUsage{0, 32, 40, 40},
                                             CacheUsage{2, 20, 25, 23}}));
  c.rows[0].root_locks = 100;
  c.rows[1].root_locks = 110;
  c.verdict = Verdict{};
  c.verdict->lanes = {{"map_count before operations", 10, 10, ""},
                      {"chain entries in walks", 0, 0, "recorded without --truth"}};
  return c;
}

TEST_CASE("the text table of two strategies") {
  Comparison c = example();
  c.rows[1].map_count_mismatches = 3;
  c.rows[1].first_mismatch =
      Mismatch{17, 250'000'000, 2, "cc1plus", "protect", /*kernel=*/23, /*model=*/24};
  c.rows[0].anomalies[Anomaly::lost_events] = 1;
  c.rows[1].anomalies[Anomaly::lost_events] = 1;
  c.rows[1].anomalies[Anomaly::fault_without_vma] = 4;
  c.rows[1].approximate = {"a reason"};
  CHECK(render_text(c) == R"(change: against num-children

vm_area_struct
strategy        active_objs  peak_objs  allocs  frees  end_KB  change  peak_KB  change
num-children             16         22      30     14     3.0       -      4.1       -
lazy-v1-noleak           16         24      32     16     3.0    0.0%      4.5   +9.1%

anon_vma_chain
strategy        active_objs  peak_objs  allocs  frees  end_KB   change  peak_KB  change
num-children             32         64      80     48     2.0        -      4.0       -
lazy-v1-noleak            0         32      40     40     0.0  -100.0%      2.0  -50.0%

anon_vma
strategy        active_objs  peak_objs  allocs  frees  end_KB  change  peak_KB  change
num-children              0         40      50     50     0.0       -      4.1       -
lazy-v1-noleak            2         20      25     23     0.2     n/a      2.0  -50.0%

sum of the three caches
strategy        end_KB  change  peak_KB  change  slab_KB  change  root_locks  change
num-children       5.0       -     12.2       -     20.0       -         100       -
lazy-v1-noleak     3.2  -35.9%      8.5  -30.0%     16.0  -20.0%         110  +10.0%
peak_KB: every cache at its own peak. slab_KB: the slabs those peaks need when packed perfectly,
a lower bound. root_locks: acquisitions of anon_vma (root) locks.

map_count of the kernel against the model
strategy        compared  mismatches    rate
num-children         200           0  0.000%
lazy-v1-noleak       200           3  1.500%
lazy-v1-noleak first at event 17 (0.250000 s), protect in mm 2 (cc1plus): kernel 23, model 24
Only num-children has to agree, as the recording kernel runs it: other designs may merge vmas
differently.

DATA LOSS: lost_events (1): records were lost while recording: counts are lower bounds
note: fault_without_vma (0 num-children, 4 lazy-v1-noleak): a write fault hit no mapping: a stack
  about to grow, a signal, or a mapping unknown to the model

trace        samples/a.trace
             hash 0123456789abcdef
verified     map_count and snapshots equal; recorded without --truth
kernel       6.18.44 x86_64, 2 CPUs, pages of 4096 bytes
strategy     of that kernel: num-children
recorded     1.500 s, scope command, faults write, 3 address spaces
events       999, lost 1 (0.10 %)
rules        linux-6.18
objsize      vm_area_struct 192 (21 per slab of 1 page), anon_vma_chain 64 (64 per slab of 1 page),
             anon_vma 104 (39 per slab of 1 page) bytes
approximate  lazy-v1-noleak: a reason
)");
}

TEST_CASE("a single strategy has nothing to compare with") {
  Comparison c = example();
  c.rows.pop_back();
  c.rows[0].at_start_objs = {5, 0, 0};
  c.trace.damage = "file ends inside a chunk";
  const std::string text = render_text(c);
  CHECK_THAT(text, ContainsSubstring(R"(vm_area_struct
strategy      at_start  active_objs  peak_objs  allocs  frees  end_KB  peak_KB
num-children         5           16         22      30     14     3.0      4.1

anon_vma_chain
)"));
  CHECK_THAT(text, ContainsSubstring("at_start: alive when recording began, also in allocs."));
  CHECK_THAT(text, !ContainsSubstring("change"));
  CHECK_THAT(text,
             ContainsSubstring("DAMAGED      file ends inside a chunk; the table ends there"));
}

TEST_CASE("every line of a wide table fits into 100 columns") {
  Comparison c = example();
  const CacheUsage use{123'456, 1'234'567, 12'345'678, 12'222'222};
  c.rows = {result("num-children", {use, use, use}),
            result("mergeable-parent-kk2", {use, use, use})};
  c.rows[0].caches[kVmAreaStruct].peak_objs *= 3;
  c.rows[1].at_start_objs = {123'456, 1, 1};
  const std::string text = render_text(c);
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    INFO(text.substr(begin, end - begin));
    CHECK(end - begin <= kTextColumns);
  }
}

TEST_CASE("geometry the trace does not name is assumed, and said to be") {
  Comparison c = example();
  c.trace.meta.caches[kAnonVma] = {};
  CHECK(rows(c).caches[kAnonVma].spec == default_cache_specs()[kAnonVma]);
  CHECK_THAT(render_text(c), ContainsSubstring("anon_vma 104* (39"));
  const auto json = nlohmann::json::parse(render_json(c));
  CHECK(json["strategies"][0]["caches"][kAnonVma]["geometry"] == "assumed");
}

TEST_CASE("slab bytes are whole slabs of the peak") {
  const CacheSpec spec{"anon_vma", 104, 39, 2};
  CHECK(min_slab_bytes(spec, 0, 4096) == 0);
  CHECK(min_slab_bytes(spec, 1, 4096) == 8192);
  CHECK(min_slab_bytes(spec, 39, 4096) == 8192);
  CHECK(min_slab_bytes(spec, 40, 4096) == 16384);
  CHECK(min_slab_bytes(CacheSpec{"unknown", 104, 0, 0}, 40, 4096) == 0);
}

TEST_CASE("the worst anomaly decides") {
  Comparison c = example();
  CHECK(!worst_severity(c));
  c.rows[1].anomalies[Anomaly::unknown_writer] = 1;
  CHECK(worst_severity(c) == Severity::info);
  c.rows[0].anomalies[Anomaly::bad_range] = 1;
  CHECK(worst_severity(c) == Severity::error);
}

TEST_CASE("JSON has the keys of anonvma.compare/1, numbers as numbers") {
  Comparison c = example();
  c.rows[1].at_start_objs = {0, 0, 7};
  c.trace.meta.machine = "\xff";  // not UTF-8
  const auto json = nlohmann::json::parse(render_json(c));
  CHECK(json["schema"] == "anonvma.compare/1");
  CHECK(json["baseline"] == "num-children");
  const auto& trace = json["trace"];
  CHECK(trace["path"] == "samples/a.trace");
  CHECK(trace["hash"] == "0123456789abcdef");
  CHECK(trace["kernel"] == "6.18.44");
  CHECK(trace["machine"] == "\xEF\xBF\xBD");
  CHECK(trace["events"] == 999);
  CHECK(trace["lost"] == 1);
  CHECK(trace["duration_ns"] == 1'500'000'000);
  CHECK(trace["verified"] == "map_count");
  REQUIRE(json["strategies"].size() == 2);
  const auto& lazy = json["strategies"][1];
  CHECK(lazy["name"] == "lazy-v1-noleak");
  CHECK(lazy["root_locks"] == 110);
  CHECK(lazy["map_count_mismatches"] == 0);
  CHECK(lazy["approximate"].empty());
  REQUIRE(lazy["caches"].size() == kNumCaches);
  CHECK(lazy["caches"][kAnonVma] ==
        nlohmann::json::parse(R"({"cache": "anon_vma", "active_objs": 2, "peak_objs": 20,
          "allocs": 25, "frees": 23, "objsize": 104, "objperslab": 39, "pagesperslab": 1,
          "active_bytes": 208, "peak_bytes": 2080, "slab_bytes": 4096, "at_start_objs": 7,
          "geometry": "trace"})"));
}

TEST_CASE("the verdict says what it rests on") {
  Comparison c = example();
  CHECK(verdict_name(c) == "map_count");
  c.verdict->truth = true;
  CHECK(verdict_words(c) == "equal to the kernel in every lane, object for object");
  c.verdict->doubts = {"7 records were lost"};
  CHECK(verdict_words(c) ==
        "equal to the kernel in every lane, object for object; but 7 records were lost");
  c.verdict->lanes[0].equal = 8;
  c.verdict->differences = {"event 3: kernel 23, model 24"};
  CHECK(verdict_name(c) == "differs");
  const std::string text = render_verdict_text(c);
  CHECK(
      text.starts_with("map_count before operations    compared        10, equal         8   "
                       "DIFFERS\nchain entries in walks         n/a: recorded without --truth\n"));
  CHECK(text.find("difference: event 3: kernel 23, model 24\n") != std::string::npos);
  const auto json = nlohmann::json::parse(render_verdict_json(c));
  CHECK(json["schema"] == "anonvma.verify/1");
  CHECK(json["equal"] == false);
  CHECK(json["lanes"][0]["compared"] == 10);
  CHECK(json["lanes"][1]["available"] == false);
  c.trace.damage = "cut";
  CHECK(verdict_name(c) == "no");
}

TEST_CASE("names from a file cannot steer a terminal") {
  CHECK(printable("a\x1b[31m\n\xc3\xa9") == "a?[31m???");
}

}  // namespace
}  // namespace anonvma
