// The screen, the text and the JSON lines of `anonvma top`, from a literal frame.
#include "engine/report/live_screen.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/report/fitted_table.h"
#include "engine/report/live_json.h"
#include "engine/report/live_owners.h"
#include "test/catch.h"
#include "test/support/live_example.h"

namespace anonvma {
namespace {

using test::live_example;

bool has_line(const std::vector<ScreenLine>& screen, const std::string& part, LineStyle style) {
  return std::any_of(screen.begin(), screen.end(), [&](const ScreenLine& line) {
    return line.style == style && line.text.find(part) != std::string::npos;
  });
}

std::vector<std::string> owner_names(const LiveFrame& frame, const LiveView& view) {
  std::vector<std::string> names;
  for (const HolderLine& line : live_owners(frame, view).lines) names.push_back(line.name);
  return names;
}

}  // namespace

TEST_CASE("no line of a screen is wider than it, and no screen is longer") {
  const LiveFrame frame = live_example();
  const bool help = GENERATE(false, true);
  for (std::size_t columns = 1; columns < 200; columns += 7)
    for (std::size_t lines = 1; lines < 60; lines += 5) {
      CAPTURE(columns, lines);
      const auto screen = live_screen(frame, {.help = help}, columns, lines);
      CHECK(screen.size() <= lines);
      for (const ScreenLine& line : screen) CHECK(line.text.size() <= columns);
      if (columns >= kLeastColumns && lines >= kLeastLines) CHECK(screen.size() == lines);
    }
}

TEST_CASE("the selected design has its caches and its mark") {
  const LiveFrame frame = live_example();
  const auto first = live_screen(frame, {}, 80, 24);
  CHECK(has_line(first, "num-children *", LineStyle::selected));
  CHECK_FALSE(has_line(first, "cow_context", LineStyle::plain));
  const auto second = live_screen(frame, {.design = 1}, 80, 24);
  CHECK(has_line(second, "cow-context", LineStyle::selected));
  CHECK(has_line(second, "cow_context", LineStyle::plain));
}

TEST_CASE("the result of a check is told in its own style") {
  LiveFrame frame = live_example();
  const std::string equal =
      "checked 12:03:04: 143 of 144 mms, 12345 vmas and 20481 chain entries equal";
  CHECK(has_line(live_screen(frame, {}, 80, 24), equal, LineStyle::good));
  frame.check.vmas_differ = 2;
  CHECK(has_line(live_screen(frame, {}, 80, 24), "DIFFERS at 12:03:04: 2 of 12345 vmas",
                 LineStyle::bad));
  frame = live_example();
  frame.now.verified.map_counts_differ = 1;
  CHECK(has_line(live_screen(frame, {}, 80, 24), "DIFFERS: 1 of 900 map_counts", LineStyle::bad));
  frame.check = {};
  CHECK(has_line(live_screen(frame, {}, 80, 24), "not checked yet", LineStyle::dim));
  frame.now.verified.possible = false;
  CHECK(has_line(live_screen(frame, {}, 80, 24), "not checked: the design", LineStyle::bad));
}

TEST_CASE("what is not exact is said") {
  LiveFrame frame = live_example();
  CHECK(has_line(live_screen(frame, {}, 80, 24),
                 "~ approximate: objects of the start were made by num-children", LineStyle::dim));
  frame.lost = 7;
  frame.unreadable = 3;
  frame.now.tainted = 4;
  frame.machine.tier = "attach state approximate";
  const auto screen = live_screen(frame, {}, 80, 30);
  CHECK(has_line(screen, "lost 7", LineStyle::bad));
  CHECK(has_line(screen, "could not be read, and are missing: 3", LineStyle::dim));
  CHECK(
      has_line(screen, "are uncertain after a loss, until they are read again: 4", LineStyle::dim));
  CHECK(has_line(screen, "accuracy of the recorder: attach state approximate", LineStyle::dim));
}

TEST_CASE("the page of differences shows them in full") {
  LiveFrame frame = live_example();
  CHECK(has_line(live_screen(frame, {.differences = true}, 80, 24), "no differences",
                 LineStyle::plain));
  frame.check.differences = {std::string(100, 'x') + " " + std::string(50, 'y')};
  const auto screen = live_screen(frame, {.differences = true}, 120, 24);
  CHECK(has_line(screen, std::string(100, 'x'), LineStyle::plain));
  CHECK(has_line(screen, std::string(50, 'y'), LineStyle::plain));
}

TEST_CASE("owners are sorted, reversed and filtered") {
  const LiveFrame frame = live_example();
  CHECK(owner_names(frame, {}) == std::vector<std::string>{"cc1", "bash"});
  CHECK(owner_names(frame, {.reversed = true}) == std::vector<std::string>{"bash", "cc1"});
  CHECK(owner_names(frame, {.sort = LiveSort::name}) == std::vector<std::string>{"bash", "cc1"});
  CHECK(owner_names(frame, {.by = By::mm}) ==
        std::vector<std::string>{"mm 2 (cc1)", "mm 1 (bash)", "mm 3 (bash)"});
  CHECK(owner_names(frame, {.by = By::mm, .sort = LiveSort::chain_entries}) ==
        std::vector<std::string>{"mm 2 (cc1)", "mm 3 (bash)", "mm 1 (bash)"});
  CHECK(owner_names(frame, {.by = By::mm, .filter = "bash"}) ==
        std::vector<std::string>{"mm 1 (bash)", "mm 3 (bash)"});
  CHECK(owner_names(frame, {.filter = "nobody"}).empty());
}

TEST_CASE("names from the kernel cannot control a terminal") {
  LiveFrame frame = live_example();
  frame.holders->holders[0].comm = "\x1b[31m";
  frame.machine.scope = "command \x1b]0;x";
  for (const ScreenLine& line : live_screen(frame, {.filter = "\x07"}, 120, 40))
    for (const char c : line.text) CHECK(static_cast<unsigned char>(c) >= ' ');
}

TEST_CASE("narrow tables leave out columns and cut off names") {
  const std::vector<FittedColumn> columns{
      {"name", 4, 0, {"a-long-name-of-a-thing"}}, {"a", 5, 0, {"1"}}, {"spare", 5, 1, {"2"}}};
  CHECK(fitted(columns, 40)[1] == "a-long-name-of-a-thing     1     2");
  CHECK(fitted(columns, 20)[1] == "a-long-name-o~     1");
  CHECK(fitted(columns, 20)[0] == "name               a");
}

TEST_CASE("JSON lines: a head, and an object for each interval") {
  const LiveFrame frame = live_example();
  const std::string head = live_json_head(frame), line = live_json_line(frame, {}, 1);
  for (const std::string& text : {head, line}) {
    CHECK(text.find('\n') == text.size() - 1);
    CHECK(text.front() == '{');
  }
  const auto first = nlohmann::json::parse(head), then = nlohmann::json::parse(line);
  CHECK(first["schema"] == "anonvma.top/1");
  CHECK(first["strategies"][0]["objsizes"]["vm_area_struct"] ==
        default_cache_specs()[kVmAreaStruct].objsize);
  CHECK(then["events"] == 70000);
  CHECK(then["events_per_s"] == 10234.4);
  CHECK(then["forks_per_s"] == 45.2);
  CHECK(then["mms"] == 144);
  CHECK(then["check"]["equal"] == true);
  CHECK(then["check"]["walk"]["anon_vmas"] == 511);
  const auto& own = then["strategies"][0];
  CHECK(own["own"] == true);
  CHECK(own["start_approximate"] == false);
  CHECK(own["caches"]["anon_vma"]["objs"] == 512);
  CHECK(own["caches"]["anon_vma"]["at_start_objs"] == 500);
  CHECK(own["caches"]["vm_area_struct"]["allocs_per_s"] == 1200);
  CHECK_FALSE(own["caches"].contains("cow_context"));
  CHECK(then["strategies"][1]["caches"]["cow_context"]["objs"] == 64);
  CHECK(then["strategies"][2]["start_approximate"] == true);
  REQUIRE(then["owners"]["lines"].size() == 1);
  CHECK(then["owners"]["lines"][0]["name"] == "cc1");
  CHECK_FALSE(then.contains("ended"));
  CHECK_FALSE(nlohmann::json::parse(live_json_line(frame, {}, 0)).contains("owners"));
}

TEST_CASE("a check that differs is not equal in JSON") {
  LiveFrame frame = live_example();
  frame.check.chain_entries_differ = 1;
  frame.ended = "the command has ended";
  const auto line = nlohmann::json::parse(live_json_line(frame, {}, 0));
  CHECK(line["check"]["equal"] == false);
  CHECK(line["check"]["chain_entries_differ"] == 1);
  CHECK(line["ended"] == "the command has ended");
}

}  // namespace anonvma
