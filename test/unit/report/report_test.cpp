// Tables as text, from literal results.
#include <nlohmann/json.hpp>

#include "engine/report/grid.h"
#include "engine/report/render.h"
#include "engine/report/rows.h"
#include "test/catch.h"
#include "test/support/report_example.h"

namespace anonvma {
namespace {

using test::costly_example;
using test::example;
using test::longest_line;
using test::result;
using test::text_of;

TEST_CASE("the text table of two strategies") {
  Comparison c = example();
  c.rows[1].map_count_mismatches = 3;
  c.rows[1].first_mismatch =
      Mismatch{17, 250'000'000, 2, "cc1plus", "protect", /*kernel=*/23, /*model=*/24};
  c.rows[0].anomalies[Anomaly::lost_events] = 1;
  c.rows[1].anomalies[Anomaly::lost_events] = 1;
  c.rows[1].anomalies[Anomaly::fault_without_vma] = 4;
  c.rows[1].approximate = {"a reason"};
  c.trace.command = "anonvma compare samples/a.trace";
  CHECK(text_of(c) == R"(change: against num-children

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
strategy        end_KB  change  peak_KB  change  slab_KB  change
num-children       5.0       -     11.6       -     20.0       -
lazy-v1-noleak     3.2  -35.9%      8.4  -27.3%     16.0  -20.0%
peak_KB: when all caches together held most, between two operations. slab_KB: the slabs that each
  cache's own peak needs when packed perfectly, a lower bound.

objects at the peak of the sum
strategy         at_s  vm_area_struct  anon_vma_chain  anon_vma    KB  change
num-children    0.250              20              60        40  11.6       -
lazy-v1-noleak  0.500              24              30        20   8.4  -27.3%

churn: objects of all caches
strategy        allocs  change  frees  exec  fork  map  protect  fault  other
num-children         0       -      0     -     -    -        -      -      -
lazy-v1-noleak       0    0.0%      0     -     -    -        -      -      -
A column of an operation is its share of the allocations.

locks: acquisitions of anon_vma root locks
strategy        root_locks  change  fork  exit  vmas/hold  objs/hold  longest  vma_layer
num-children           100       -     -     -          -          -        0          0
lazy-v1-noleak         110  +10.0%     -     -          -          -        0          0
root_locks: of mm/rmap.c, exact. longest: objects linked or unlinked under one hold. vma_layer:
  acquisitions around changes of ranges, as read in the source, not executed.

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
command      anonvma compare samples/a.trace
verified     map_count and snapshots equal; recorded without --truth
kernel       6.18.44 x86_64, 2 CPUs, pages of 4096 bytes
strategy     of that kernel: num-children
recorded     1.500 s, scope command, faults write, 3 address spaces
events       999, lost 1 (0.10 %), tainted mms 2 (1 at the end)
rules        linux-6.18
objsize      vm_area_struct 192 bytes (21 per slab of 1 page)
             anon_vma_chain 64 bytes (64 per slab of 1 page)
             anon_vma 104 bytes (39 per slab of 1 page)
approximate  lazy-v1-noleak: a reason
)");
}

TEST_CASE("what operations cost: a line per strategy") {
  CHECK_THAT(text_of(costly_example()), ContainsSubstring(R"(churn: objects of all caches
strategy        allocs  change  frees  exec   fork   map  protect  fault  other
num-children        85       -     24  0.0%  82.4%  0.0%     0.0%  17.6%   0.0%
lazy-v1-noleak      50  -41.2%     24  0.0%  70.0%  0.0%     0.0%  30.0%   0.0%
A column of an operation is its share of the allocations.

locks: acquisitions of anon_vma root locks
strategy        root_locks  change   fork   exit  vmas/hold  objs/hold  longest  vma_layer
num-children           100       -  88.9%  11.1%       1.00       0.89        7          6
lazy-v1-noleak         110  +10.0%  80.0%  20.0%       1.00       1.60        7          6
root_locks: of mm/rmap.c, exact. longest: objects linked or unlinked under one hold. vma_layer:
  acquisitions around changes of ranges, as read in the source, not executed.

walks at the peak of the sum: vmas visited for a page first faulted in a vma
strategy        faulted  min  median  p99  max
num-children          9    1       2   10   11
lazy-v1-noleak        9    1       2   10   11
faulted: vmas with pages of their own, which the other columns are about.

)"));
}

TEST_CASE("all that one strategy costs") {
  Comparison c = costly_example();
  c.rows.pop_back();
  ReportOptions options;
  options.in_depth = true;
  CHECK_THAT(render(c, options), ContainsSubstring(R"(churn by operation
operation  operations  +vm_area_struct  freed  +anon_vma_chain  freed  +anon_vma  freed
start               0             1000      0                0      0          0      0
fork                3               20      0               40      0         10      0
exit                2                0      9                0      8          0      7
fault             100                0      0                0      0         15      0
all               105             1020      9               40      8         25      7

locks by operation
operation  root_locks  vmas/hold  objs/hold  longest  vma_layer
fork               80       1.00       0.75        7          0
exit               10       1.00       2.00        4          0
fault               0          -          -        0          6
all                90       1.00       0.89        7          6

vmas per anon_vma
vmas  peak  end
0        4    0
1        3    0
3-4      2    0
5-8      2    0

)"));
}

TEST_CASE("who holds the objects, by comm and by mm") {
  Comparison c = costly_example();
  c.rows.pop_back();
  ReportOptions options;
  options.by = By::comm;
  CHECK_THAT(render(c, options), ContainsSubstring(R"(held at the peak of the sum, num-children
comm            mms  vm_area_struct  anon_vma_chain  anon_vma    KB   share
cc1               2              15              45        30   8.7   75.0%
init              1               4              10         5   1.9   16.3%
(no living mm)    0               1               5         5   1.0    8.7%
sum               3              20              60        40  11.6  100.0%
An anon_vma is held by the first mm that has a vma of its own for it, or else by the first mm that
  is linked to it.

)"));
  options.by = By::mm;
  options.top = 2;
  CHECK_THAT(render(c, options), ContainsSubstring(R"(held at the peak of the sum, num-children
mm          vm_area_struct  anon_vma_chain  anon_vma    KB   share
mm 2 (cc1)              10              30        20   5.8   50.0%
mm 5 (cc1)               5              15        10   2.9   25.0%
2 others                 5              15        10   2.9   25.0%
sum                     20              60        40  11.6  100.0%
)"));
  options.by = By::cgroup;
  for (Moment* const moment : {&c.rows[0].end, &c.rows[0].peak})
    for (Holder& holder : moment->holders) {
      holder.cgroup = holder.comm == "cc1" ? 1 : 0;
      holder.cgroup_path = "/system.slice/a-service-with-a-long-name.service";
    }
  CHECK_THAT(render(c, options), ContainsSubstring(R"(held at the peak of the sum, num-children
cgroup                            mms  vm_area_struct  anon_vma_chain  anon_vma    KB   share
...vice-with-a-long-name.service    2              15              45        30   8.7   75.0%
(cgroup not known)                  1               4              10         5   1.9   16.3%
1 others                            0               1               5         5   1.0    8.7%
sum                                 3              20              60        40  11.6  100.0%
)"));
  options.by = By::mm;
  const auto json = [&] {
    options.format = Format::json;
    return nlohmann::json::parse(render(c, options));
  }();
  const auto& lines = json["strategies"][0]["holders"]["peak_of_sum"];
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["holder"] == "mm 2 (cc1)");
  CHECK(lines[2]["holder"] == "2 others");
  CHECK(lines[3]["objs"]["anon_vma"] == 40);
}

TEST_CASE("what a name costs") {
  Comparison c = costly_example();
  c.rows.pop_back();
  std::vector<Holder>& holders = c.rows[0].peak.holders;
  // Half of the first mm's objects are in vmas with a name that another mm has, too.
  const auto name = [](Holder holder, std::uint64_t id, const char* text) {
    for (std::uint64_t& objs : holder.objs) objs /= 2;
    holder.vma_name = id;
    holder.name_text = text;
    return holder;
  };
  const Holder first = holders[0], second = holders[1];
  holders.insert(holders.begin() + 1, name(first, 3, "heap"));
  holders.insert(holders.begin() + 1, name(first, 4, "a\x1b[2mb"));
  holders.insert(holders.begin() + 4, name(second, 3, "heap"));
  ReportOptions options;
  options.by = By::name;
  options.top = 2;
  const std::string text = render(c, options);
  INFO(text);
  CHECK_THAT(text, ContainsSubstring("name "));
  CHECK_THAT(text, ContainsSubstring("(no name): vmas without a name"));
  CHECK(text.find('\x1b') == text.npos);
  options.format = Format::json;
  const auto json = nlohmann::json::parse(render(c, options))["strategies"][0]["holders"];
  CHECK(json["by"] == "name");
  const auto& lines = json["peak_of_sum"];
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["holder"] == "(no name)");
  CHECK(lines[1]["holder"] == "heap");
  CHECK(lines[1]["mms"] == 2);
  CHECK(lines[1]["objs"]["anon_vma"] == first.objs[kAnonVma] / 2 + second.objs[kAnonVma] / 2);
  CHECK(lines[2]["holder"] == "2 others");
  CHECK(lines[3]["mms"] == 3);  // each mm once
}

TEST_CASE("the state at a time that was asked for") {
  Comparison c = example();
  c.at_s = 0.5;
  for (ReplayResult& row : c.rows) row.at = row.peak;
  c.rows[1].at->slab.objs[kVmAreaStruct] = 40;
  CHECK_THAT(text_of(c), ContainsSubstring(R"(objects at 0.500 s
strategy        vm_area_struct  anon_vma_chain  anon_vma    KB  change
num-children                20              60        40  11.6       -
lazy-v1-noleak              40              30        20  11.4   -1.4%

)"));
  const auto json = nlohmann::json::parse(render(c, {.format = Format::json}));
  CHECK(json["strategies"][1]["at"]["objs"]["vm_area_struct"] == 40);
  CHECK(json["strategies"][1]["at"]["bytes"] == 40 * 192 + 30 * 64 + 20 * 104);
}

TEST_CASE("entries of remap trees are told apart from objects") {
  Comparison c = example();
  c.rows[1].peak.remap_entries = 45;
  const std::string line =
      "lazy-v1-noleak: 45 entries in remap trees, words inside other objects.\n";
  CHECK_THAT(text_of(c), ContainsSubstring(line));
  CHECK_THAT(render(c, {.format = Format::lkml}), ContainsSubstring(line));
  const auto json = nlohmann::json::parse(render(c, {.format = Format::json}));
  CHECK(json["strategies"][1]["peak_of_sum"]["remap_entries"] == 45);
  CHECK_FALSE(json["strategies"][0]["peak_of_sum"].contains("remap_entries"));
  const std::vector<Comparison> both{c, c};
  CHECK_THAT(render_all(both, {}), ContainsSubstring("lazy-v1-noleak: 90 entries in remap trees"));
}

TEST_CASE("a single strategy has nothing to compare with") {
  Comparison c = example();
  c.rows.pop_back();
  c.rows[0].at_start_objs = {5, 0, 0};
  c.trace.damage = "file ends inside a chunk";
  const std::string text = text_of(c);
  CHECK_THAT(text, ContainsSubstring(R"(vm_area_struct
strategy      at_start  active_objs  peak_objs  allocs  frees  end_KB  peak_KB
num-children         5           16         22      30     14     3.0      4.1

anon_vma_chain
)"));
  CHECK_THAT(text, ContainsSubstring("at_start: alive when recording began, in allocs."));
  CHECK_THAT(text, !ContainsSubstring("  change"));
  CHECK_THAT(text,
             ContainsSubstring("DAMAGED      file ends inside a chunk; the table ends there"));
}

TEST_CASE("every line of a wide table fits into 100 columns") {
  Comparison c = costly_example();
  const CacheUsage use{123'456, 1'234'567, 12'345'678, 12'222'222};
  const auto costs = c.rows[0].costs;
  c.rows = {result("num-children", {use, use, use}),
            result("mergeable-parent-kk2", {use, use, use})};
  c.rows[0].caches[kVmAreaStruct].peak_objs *= 3;
  c.rows[0].costs = costs;
  c.rows[1].at_start_objs = {123'456, 1, 1};
  CHECK(longest_line(render(c, {.by = By::comm, .in_depth = true})) <= kTextColumns);
}

TEST_CASE("a table says where its sizes are from") {
  Comparison c = example();
  c.rows[0].specs.sources[kAnonVma] = c.rows[1].specs.sources[kAnonVma] = SpecSource::assumed;
  c.rows[1].specs.specs[kVmAreaStruct].objsize = 176;
  c.rows[1].specs.sources[kVmAreaStruct] = SpecSource::table;
  CHECK_THAT(text_of(c),
             ContainsSubstring(
                 R"(objsize      vm_area_struct 192 bytes (21 per slab of 1 page) under num-children
             vm_area_struct 176 bytes (21 per slab of 1 page, by table) under lazy-v1-noleak
             anon_vma_chain 64 bytes (64 per slab of 1 page)
             anon_vma 104 bytes (39 per slab of 1 page, assumed: the trace does not say)
)"));
  const auto json = nlohmann::json::parse(render(c, {.format = Format::json}));
  CHECK(json["strategies"][0]["caches"][kAnonVma]["geometry"] == "assumed");
  CHECK(json["strategies"][1]["caches"][kVmAreaStruct]["active_bytes"] == 16 * 176);
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

TEST_CASE("names from a file cannot steer a terminal") {
  CHECK(printable("a\x1b[31m\n\xc3\xa9") == "a?[31m???");
}

}  // namespace
}  // namespace anonvma
