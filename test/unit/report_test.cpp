// Tables from literal results: every number below can be worked out by hand.
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/report/grid.h"
#include "engine/report/render.h"
#include "engine/report/rows.h"
#include "test/catch.h"

namespace anonvma {
namespace {

constexpr std::size_t index(OpKind kind) { return static_cast<std::size_t>(kind); }

ReplayResult result(std::string name, std::array<CacheUsage, kNumCaches> caches) {
  ReplayResult row;
  row.strategy = std::move(name);
  row.rules = "linux-6.18";
  row.specs = {default_cache_specs(), {}};
  std::copy(caches.begin(), caches.end(), row.caches.begin());
  for (std::size_t c = 0; c < kNumCaches; ++c) row.end.slab.objs[c] = caches[c].active_objs;
  row.end.slab.time_ns = 1'500'000'000;
  row.map_counts_compared = 200;
  return row;
}

void set_peak(ReplayResult& row, std::array<std::uint64_t, kNumCaches> objs, std::uint64_t ns) {
  std::copy(objs.begin(), objs.end(), row.peak.slab.objs.begin());
  row.peak.slab.time_ns = ns;
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
  set_peak(c.rows[0], {20, 60, 40}, 250'000'000);
  set_peak(c.rows[1], {24, 30, 20}, 500'000'000);
  c.rows[0].root_locks = 100;
  c.rows[1].root_locks = 110;
  c.verdict = Verdict{};
  c.verdict->lanes = {{"map_count before operations", 10, 10, ""},
                      {"chain entries in walks", 0, 0, "recorded without --truth"}};
  return c;
}

// The same with what the operations cost.
Comparison costly_example() {
  Comparison c = example();
  for (ReplayResult& row : c.rows) {
    const std::uint64_t factor = row.strategy == c.baseline ? 2 : 1;
    OpCost& start = row.costs[index(OpKind::start)];
    start.allocs[kVmAreaStruct] = 1000;  // no churn
    OpCost& fork = row.costs[index(OpKind::fork)];
    fork = {.operations = 3,
            .allocs = {10 * factor, 20 * factor, 5 * factor},
            .frees = {},
            .locks = {.holds = 40 * factor, .vmas = 40 * factor, .objs = 60, .longest_objs = 7},
            .vma_layer_locks = 0};
    OpCost& exit = row.costs[index(OpKind::exit)];
    exit = {.operations = 2,
            .allocs = {},
            .frees = {9, 8, 7},
            .locks = {.holds = 10, .vmas = 10, .objs = 20, .longest_objs = 4},
            .vma_layer_locks = 0};
    OpCost& fault = row.costs[index(OpKind::fault)];
    fault.operations = 100;
    fault.allocs[kAnonVma] = 15;
    fault.vma_layer_locks = 6;
    row.peak.walks = {.vmas = 9,
                      .min = 1,
                      .median = 2,
                      .p99 = 10,
                      .max = 11,
                      .vmas_per_anon_vma = {{0, 4}, {1, 3}, {3, 2}, {5, 1}, {8, 1}}};
    row.peak.holders = {{MmId{1}, "init", {4, 10, 5}},
                        {MmId{2}, "cc1", {10, 30, 20}},
                        {MmId{5}, "cc1", {5, 15, 10}},
                        {MmId{}, "", {1, 5, 5}}};
  }
  return c;
}

std::string text_of(const Comparison& c) { return render(c, {}); }

std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != text.npos; begin = end + 1)
    longest = std::max(longest, end - begin);
  return longest;
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
The share of the allocations that each operation made.

locks: acquisitions of anon_vma root locks
strategy        root_locks  change  fork  exit  vmas/hold  objs/hold  longest  vma_layer
num-children           100       -     -     -          -          -        0          0
lazy-v1-noleak         110  +10.0%     -     -          -          -        0          0
root_locks: of mm/rmap.c, exact. longest: objects linked or unlinked under one hold. vma_layer:
  further ones around changes of ranges, as read in its source, not executed.

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
events       999, lost 1 (0.10 %)
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
The share of the allocations that each operation made.

locks: acquisitions of anon_vma root locks
strategy        root_locks  change   fork   exit  vmas/hold  objs/hold  longest  vma_layer
num-children           100       -  88.9%  11.1%       1.00       0.89        7          6
lazy-v1-noleak         110  +10.0%  80.0%  20.0%       1.00       1.60        7          6
root_locks: of mm/rmap.c, exact. longest: objects linked or unlinked under one hold. vma_layer:
  further ones around changes of ranges, as read in its source, not executed.

walks at the peak of the sum: vmas visited for a page first faulted in a vma
strategy        faulted  min  median  p99  max
num-children          9    1       2   10   11
lazy-v1-noleak        9    1       2   10   11
faulted: vmas that have pages of their own, over which the rest is taken.

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
An anon_vma is held by the first mm that has a vma of its own for it, one that no vma has for its
  own by the first that is linked to it.

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
      "lazy-v1-noleak: 45 entries in remap trees, words inside of other objects.\n";
  CHECK_THAT(text_of(c), ContainsSubstring(line));
  CHECK_THAT(render(c, {.format = Format::lkml}), ContainsSubstring(line));
  const auto json = nlohmann::json::parse(render(c, {.format = Format::json}));
  CHECK(json["strategies"][1]["peak_of_sum"]["remap_entries"] == 45);
  CHECK_FALSE(json["strategies"][0]["peak_of_sum"].contains("remap_entries"));
  const std::vector<Comparison> both{c, c};
  CHECK_THAT(render_all(both, {}), ContainsSubstring("lazy-v1-noleak: 90 entries in remap trees"));
}

TEST_CASE("a cover letter's table is plain and narrow") {
  Comparison c = costly_example();
  const std::string text = render(c, {.format = Format::lkml});
  CHECK(text == R"(Slab objects under 2 anon_vma designs, change against num-children:

peak of the sum   objects    KB  change
vm_area_struct
  num-children         20   3.8       -
  lazy-v1-noleak       24   4.5  +20.0%
anon_vma_chain
  num-children         60   3.8       -
  lazy-v1-noleak       30   1.9  -50.0%
anon_vma
  num-children         40   4.1       -
  lazy-v1-noleak       20   2.0  -50.0%
sum
  num-children             11.6       -
  lazy-v1-noleak            8.4  -27.3%

at the end        objects   KB   change
vm_area_struct
  num-children         16  3.0        -
  lazy-v1-noleak       16  3.0     0.0%
anon_vma_chain
  num-children         32  2.0        -
  lazy-v1-noleak        0  0.0  -100.0%
anon_vma
  num-children          0  0.0        -
  lazy-v1-noleak        2  0.2      n/a
sum
  num-children             5.0        -
  lazy-v1-noleak           3.2   -35.9%

                allocs  root locks  walk p50  p99  max
num-children        85         100         2   10   11
lazy-v1-noleak      50         110         2   10   11
allocs: objects of all caches that the operations allocated. root locks:
acquisitions in the rmap layer. walk: vmas visited by an rmap walk at the
peak, per faulted vma.

trace        samples/a.trace
             hash 0123456789abcdef
verified     map_count and snapshots equal; recorded without --truth
kernel       6.18.44 x86_64, 2 CPUs, pages of 4096 bytes
strategy     of that kernel: num-children
recorded     1.500 s, scope command, faults write, 3 address spaces
events       999, lost 1 (0.10 %)
rules        linux-6.18
objsize      vm_area_struct 192 bytes (21 per slab of 1 page)
             anon_vma_chain 64 bytes (64 per slab of 1 page)
             anon_vma 104 bytes (39 per slab of 1 page)
)");
  c.rows[1].strategy = "lazy-v1-noleak:fork=never,merge=base";
  c.rows[1].approximate = {std::string(200, 'x') + " y"};
  const std::string wide = render(c, {.format = Format::lkml});
  CHECK_THAT(wide, ContainsSubstring("  lazy-v1-noleak:fork=never,merge=base"));
  c.rows[1].strategy = "lazy-v1-noleak-with-a-longer-name:fork=never,merge=base";
  const std::string legend = render(c, {.format = Format::lkml});
  CHECK_THAT(legend, ContainsSubstring("  lazy-v1-noleak-with-a-longer-name [1]"));
  CHECK_THAT(legend,
             ContainsSubstring("[1] lazy-v1-noleak-with-a-longer-name:fork=never,merge=base"));
  c.rows[1].approximate.clear();
  CHECK(longest_line(render(c, {.format = Format::lkml})) <= 75);
  const std::string held = render(c, {.format = Format::lkml, .by = By::mm});
  CHECK_THAT(held, ContainsSubstring("held at the peak of the sum, num-children\nmm"));
  CHECK(longest_line(held) <= 75);
  for (const char ch : legend) REQUIRE((ch == '\n' || (ch >= ' ' && ch <= '~')));
}

TEST_CASE("markdown tables have their columns and escape what they must") {
  Comparison c = example();
  c.trace.path = "a|b_c.trace";
  const std::string text = render(c, {.format = Format::markdown});
  CHECK_THAT(text, ContainsSubstring(R"(### anon\_vma

| strategy | active\_objs | peak\_objs | allocs | frees | end\_KB | change | peak\_KB | change |
|:--|--:|--:|--:|--:|--:|--:|--:|--:|
| num-children | 0 | 40 | 50 | 50 | 0.0 | - | 4.1 | - |
| lazy-v1-noleak | 2 | 20 | 25 | 23 | 0.2 | n/a | 2.0 | -50.0% |

### sum of the three caches

| strategy | end\_KB | change | peak\_KB | change | slab\_KB | change |
|:--|--:|--:|--:|--:|--:|--:|
| num-children | 5.0 | - | 11.6 | - | 20.0 | - |
| lazy-v1-noleak | 3.2 | -35.9% | 8.4 | -27.3% | 16.0 | -20.0% |

peak\_KB: when all caches together held most, between two operations. slab\_KB: the slabs that each cache's own peak needs when packed perfectly, a lower bound.

)"));
  CHECK_THAT(text, ContainsSubstring("- trace: a\\|b\\_c.trace; hash 0123456789abcdef\n"));
}

std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> cells{""};
  for (const char ch : line) {
    if (ch == ',')
      cells.emplace_back();
    else
      cells.back() += ch;
  }
  return cells;
}

TEST_CASE("CSV has as many cells in each line as names in its header") {
  Comparison c = costly_example();
  const std::string text = render(c, {.format = Format::csv});
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  const std::vector<std::string> header = split(line);
  std::vector<std::map<std::string, std::string>> lines;
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = split(line);
    REQUIRE(cells.size() == header.size());
    auto& made = lines.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i) made[header[i]] = cells[i];
  }
  REQUIRE(lines.size() == 2 * (3 + 1) * 2);  // strategies, caches and sum, end and peak
  CHECK(lines[1]["cache"] == "vm_area_struct");
  CHECK(lines[1]["moment"] == "peak_of_sum");
  CHECK(lines[1]["objs"] == "20");
  CHECK(lines[1]["bytes"] == "3840");
  CHECK(lines[15]["cache"] == "sum");
  CHECK(lines[15]["time_s"] == "0.500000");
  CHECK(lines[15]["change_percent"] == "-27.30");
  CHECK(lines[15]["root_locks"] == "110");
  CHECK(lines[15]["walk_p99"] == "10");
  std::istringstream held(render(c, {.format = Format::csv, .by = By::comm, .top = 1}));
  std::vector<std::string> holders;
  while (std::getline(held, line)) {
    REQUIRE(split(line).size() == header.size());
    if (split(line).back() == "cc1") holders.push_back(line);
  }
  REQUIRE(holders.size() == 2 * 4);  // strategies; three caches and the sum
  CHECK(split(holders[3])[4] == "sum");
  CHECK(split(holders[3])[8] == "8880");
  c.trace.path = "a \"b\", c";
  CHECK_THAT(render(c, {.format = Format::csv}),
             ContainsSubstring("\n\"a \"\"b\"\", c\",0123456789abcdef,"));
}

TEST_CASE("several traces are added up") {
  const Comparison one = example();
  Comparison two = example();
  two.rows[1].caches[kCowContext] = {3, 5, 9, 6};
  set_peak(two.rows[0], {1, 1, 1}, 1);
  const std::vector<Comparison> both{one, two};
  const std::string text = render_all(both, {});
  CHECK_THAT(text, ContainsSubstring(R"(sum of 2 traces

vm_area_struct
strategy        active_objs  peak_objs  allocs  frees  end_KB  change  peak_KB  change
num-children             32         44      60     28     6.0       -      8.2       -
lazy-v1-noleak           32         48      64     32     6.0    0.0%      9.0   +9.1%

anon_vma_chain
strategy        active_objs  peak_objs  allocs  frees  end_KB   change  peak_KB  change
num-children             64        128     160     96     4.0        -      8.0       -
lazy-v1-noleak            0         64      80     80     0.0  -100.0%      4.0  -50.0%

anon_vma
strategy        active_objs  peak_objs  allocs  frees  end_KB  change  peak_KB  change
num-children              0         80     100    100     0.0       -      8.1       -
lazy-v1-noleak            4         40      50     46     0.4     n/a      4.1  -50.0%

cow_context
strategy        active_objs  peak_objs  allocs  frees  end_KB  change  peak_KB  change
lazy-v1-noleak            3          5       9      6     0.3     n/a      0.5     n/a

sum of the caches
strategy        end_KB  change  peak_KB  change  slab_KB  change
num-children      10.0       -     11.9       -     40.0       -
lazy-v1-noleak     6.7  -33.1%     16.8  +41.1%     36.0  -10.0%
peak_KB: when all caches together held most, between two operations. slab_KB: the slabs that each
  cache's own peak needs when packed perfectly, a lower bound.

)"));
  for (const Format format : {Format::text, Format::markdown, Format::lkml})
    CHECK_THAT(render_all(both, {.format = format}),
               ContainsSubstring("added up: they need not coincide."));
  const auto json = nlohmann::json::parse(render_all(both, {.format = Format::json}));
  REQUIRE(json.size() == 3);
  CHECK(json[2]["schema"] == "anonvma.compare.sum/1");
  CHECK(json[2]["strategies"][0]["caches"][0]["allocs"] == 60);
  CHECK(json[2]["strategies"][1]["caches"][3]["active_objs"] == 3);
  two.rows.pop_back();
  const std::vector<Comparison> unlike{one, two};
  CHECK_THAT(render_all(unlike, {}), ContainsSubstring("No sum"));
  CHECK(nlohmann::json::parse(render_all(unlike, {.format = Format::json})).size() == 2);
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

TEST_CASE("JSON has the keys of anonvma.compare/1, numbers as numbers") {
  Comparison c = example();
  c.rows[1].at_start_objs = {0, 0, 7};
  c.trace.meta.machine = "\xff";  // not UTF-8
  const auto json = nlohmann::json::parse(render(c, {.format = Format::json}));
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
          "geometry": "trace",
          "active_change_percent": null, "peak_change_percent": -50.0})"));
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
