// Pictures of objects over time: the values that they show, the plot of a terminal, the SVG.
#include <regex>

#include "engine/report/picture/panels.h"
#include "engine/report/picture/plot.h"
#include "engine/report/picture/svg.h"
#include "engine/report/picture/ticks.h"
#include "test/catch.h"
#include "test/support/picture_example.h"

namespace anonvma::test {
namespace {

using Values = std::vector<std::uint64_t>;

std::vector<std::string> texts(double end, std::size_t most) {
  std::vector<std::string> all;
  for (const Tick& tick : ticks(end, most)) all.push_back(tick.text);
  return all;
}

std::size_t times(std::string_view text, std::string_view word) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != text.npos; at += word.size()) ++n;
  return n;
}

TEST_CASE("an axis has round numbers", "[picture]") {
  using Texts = std::vector<std::string>;
  CHECK(texts(137.1, 4) == Texts{"0", "50", "100"});
  CHECK(texts(1, 4) == Texts{"0", "0.5", "1.0"});
  CHECK(texts(0.0041, 4) == Texts{"0", "0.002", "0.004"});
  CHECK(texts(5, 5) == Texts{"0", "1", "2", "3", "4", "5"});
  CHECK(texts(0, 5) == Texts{"0"});
  CHECK(texts(1.8e19, 2).size() == 2);
}

TEST_CASE("a panel for the sum, and one for each cache that is used", "[picture]") {
  Comparison c = picture_example();
  const Panels all = panels(c);
  CHECK(all.points == 8);
  CHECK(all.width_ns == Timeline::kFirstWidthNs);
  REQUIRE(all.all.size() == 1 + kNumCaches);
  CHECK(all.all[0].name == "sum");
  CHECK(all.all[0].highest() == 40 * 192);
  CHECK(all.all[1].name == "vm_area_struct");
  CHECK(all.all[1].lines[0].last == Values{0, 10, 20, 20, 40, 30, 5, 0});
  CHECK(all.all[1].lines[0].baseline);
  CHECK_FALSE(all.all[1].lines[1].baseline);
  CHECK(panel_value(all.all[0], 1536) == "1.5 KB");
  CHECK(panel_value(all.all[1], 1) == "1 object");

  c.rows[1].caches[kMapleNode].allocs = 1;
  const Panels more = panels(c);
  REQUIRE(more.all.size() == 2 + kNumCaches);
  REQUIRE(more.all.back().lines.size() == 1);
  CHECK(more.all.back().lines[0].strategy == "lazy-v1-noleak");
}

TEST_CASE("fewer points keep the highest", "[picture]") {
  const Panels all = panels(picture_example(), 4);
  CHECK(all.points == 4);
  CHECK(all.width_ns == 2 * Timeline::kFirstWidthNs);
  CHECK(all.all[1].lines[0].max == Values{10, 20, 40, 30});
  CHECK(all.all[1].lines[0].last == Values{10, 20, 30, 0});
}

// 40 objects are four rows of three levels: 10 objects are one "#", 5 objects a ":".
TEST_CASE("a plot in ASCII has a strip for each strategy, with one scale", "[picture]") {
  const std::string text = render_plot(
      picture_example(), {.cache = kVmAreaStruct, .braille = false, .screen = {.columns = 40}});
  const std::string expected = R"(samples/a.trace: 1.5 s of a recording on
  6.18.44
vm_area_struct over time, objects; every
  strip is 40 objects high

num-children              |       ###
  peak        40        - |       #####
  end          0          |    ########
                          |  ##########:
lazy-v1-noleak            |
  peak        20   -50.0% |
  end          0          |    ######
                          |  ##########
                           0 s

)";
  CHECK(text.substr(0, expected.size()) == expected);
  CHECK_THAT(text.substr(expected.size()), ContainsSubstring("LOST 1 event (0.10 %)"));
}

TEST_CASE("a plot in braille has the same values", "[picture]") {
  const std::string text = render_plot(picture_example(), {.screen = {.columns = 60}});
  CHECK_THAT(text,
             ContainsSubstring("sum of all caches over time, KB; every strip is 7.5 KB high"));
  CHECK_THAT(text, ContainsSubstring("peak       7.5        -"));
  CHECK_THAT(text, ContainsSubstring("peak       3.8   -50.0%"));
  CHECK_THAT(text, ContainsSubstring("\u28ff"));  // all dots
  CHECK_THAT(text, !ContainsSubstring("#"));
}

TEST_CASE("a plot on a screen with colours differs in nothing else", "[picture]") {
  PlotOptions options{.screen = {.color = true}};
  const std::string colored = render_plot(picture_example(), options);
  CHECK_THAT(colored, ContainsSubstring("\x1b[32m -50.0%\x1b[0m \u2502"));
  CHECK_THAT(colored, ContainsSubstring("\x1b[36mnum-children\x1b[0m"));
  options.screen.color = false;
  const std::string plain = render_plot(picture_example(), options);
  CHECK(std::regex_replace(colored, std::regex("\x1b\\[[0-9;]*m"), "") == plain);
}

TEST_CASE("a plot says when there is nothing to draw", "[picture]") {
  CHECK_THAT(render_plot(picture_example(), {.cache = kCowContext}),
             ContainsSubstring("\nNo strategy of this table uses cow_context.\n"));
}

TEST_CASE("an SVG has a path for each line and entry of its legend", "[picture]") {
  const std::vector<Comparison> two{picture_example(), picture_example()};
  const std::string one = render_svg(std::span(two).first(1)), both = render_svg(two);
  CHECK(times(one, "<path ") == 2 * (1 + kNumCaches) + 2);
  CHECK(times(both, "<path ") == 2 * times(one, "<path "));
  CHECK_THAT(one, ContainsSubstring("num-children (baseline)"));
  CHECK_THAT(one, ContainsSubstring("vm_area_struct, objects"));
  CHECK_THAT(one, ContainsSubstring("LOST 1 event (0.10 %)"));
  CHECK_THAT(one, !ContainsSubstring("<script"));
  CHECK_THAT(one, !ContainsSubstring("href"));
}

TEST_CASE("names from a trace are no markup", "[picture]") {
  Comparison c = picture_example();
  c.trace.path = "a<script>&\"'\x01.trace";
  const std::string svg = render_svg(std::span(&c, 1));
  CHECK_THAT(svg, !ContainsSubstring("<script"));
  CHECK_THAT(svg, ContainsSubstring("a&lt;script&gt;&amp;&quot;'?.trace"));
}

}  // namespace
}  // namespace anonvma::test
