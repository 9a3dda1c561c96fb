// The other formats beside text, several traces, and the words of a verdict.
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/report/render.h"
#include "engine/report/rows.h"
#include "test/catch.h"
#include "test/support/report_example.h"

namespace anonvma {
namespace {

using test::costly_example;
using test::example;
using test::longest_line;
using test::set_peak;

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
events       999, lost 1 (0.10 %), tainted mms 2 (1 at the end)
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
  CHECK(lines[1]["lost"] == "1");
  CHECK(lines[1]["tainted_mms"] == "2");
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
    const std::vector<std::string> words = split(line);
    if (words[words.size() - 5] == "cc1") holders.push_back(line);
  }
  REQUIRE(holders.size() == 2 * 4);  // strategies; three caches and the sum
  CHECK(split(holders[3])[4] == "sum");
  CHECK(split(holders[3])[8] == "8880");
  c.trace.path = "a \"b\", c";
  CHECK_THAT(render(c, {.format = Format::csv}),
             ContainsSubstring("\n\"a \"\"b\"\", c\",0123456789abcdef,"));
}

TEST_CASE("every table says how far its recording can be trusted, where that is known") {
  Comparison c = example();
  const auto everything = [&c] {
    std::vector<std::string> texts;
    for (const Format format :
         {Format::text, Format::markdown, Format::lkml, Format::csv, Format::json})
      texts.push_back(render(c, {.format = format}));
    texts.push_back(render_verdict_text(c));
    texts.push_back(render_verdict_json(c));
    return texts;
  };
  for (const std::string& text : everything()) CHECK_THAT(text, !ContainsSubstring("get_user"));
  c.trace.meta.tier = "exact without get_user_pages faults";
  for (const std::string& text : everything())
    CHECK_THAT(text, ContainsSubstring("exact without get\\_user\\_pages faults") ||
                         ContainsSubstring("exact without get_user_pages faults"));
  c.trace.meta.tier = "worse\nthan\x1b[31m";
  CHECK_THAT(render(c, {.format = Format::text}), !ContainsSubstring("\x1b"));
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
  CHECK(trace["lost_percent"] == 0.1);
  CHECK(trace["tainted_mms"] == 2);
  CHECK(trace["tainted_mms_at_end"] == 1);
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
  CHECK(unverified_reason(c).empty());
  c.trace.damage = "cut";
  CHECK(verdict_name(c) == "no");
  CHECK(unverified_reason(c) == "the trace is damaged");
  CHECK(verdict_words(c) == "no: the trace is damaged");
}

}  // namespace
}  // namespace anonvma
