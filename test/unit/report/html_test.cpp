// The page of a report: its data, its size, and names that try to be markup.
#include "engine/report/html/html.h"

#include <nlohmann/json.hpp>

#include "engine/report/export/series.h"
#include "engine/report/html/page_data.h"
#include "test/catch.h"
#include "test/support/picture_example.h"

namespace anonvma::test {
namespace {

using Json = nlohmann::ordered_json;

constexpr ChartLibrary kLibrary{"/* the library */", "/* its style */", "Copyright <someone>"};

std::string page_of(const Comparison& c, const std::optional<ChartLibrary>& charts = kLibrary) {
  auto page = render_html(std::span(&c, 1), charts);
  REQUIRE(page);
  return *page;
}

// The data as a browser reads it: up to the first "</script".
Json data_of(const std::string& page) {
  const std::string open = R"(<script type="application/json" id="data">)";
  const std::size_t begin = page.find(open) + open.size();
  return Json::parse(page.substr(begin, page.find("</script", begin) - begin));
}

std::size_t points_of(const Json& data) {
  return data["traces"][0]["series"]["strategies"][0]["sum"]["max_bytes"].size();
}

TEST_CASE("a page has the data of compare --json and export --json", "[html]") {
  const Comparison c = picture_example();
  const Json data = data_of(page_of(c));
  CHECK(data["schema"] == "anonvma.report/1");
  REQUIRE(data["traces"].size() == 1);
  const Json& trace = data["traces"][0];
  CHECK(trace["compare"] == Json::parse(render(c, {.format = Format::json})));
  CHECK(trace["series"] == Json::parse(series_json(c)));
  CHECK(trace["verify"]["lanes"].size() == 2);
}

TEST_CASE("a page says what its numbers rest on", "[html]") {
  Comparison c = picture_example();
  c.trace.damage = "offset 0x40: the file ends inside a chunk";
  c.rows[0].anomalies[Anomaly::bad_range] = 1;
  const Json trace = page_data(c, {});
  CHECK_THAT(trace["proof"].get<std::string>(), ContainsSubstring("LOST 1 event (0.10 %)"));
  CHECK_THAT(trace["proof"].get<std::string>(), ContainsSubstring("\nDAMAGED: offset 0x40"));
  CHECK_THAT(trace["proof"].get<std::string>(), ContainsSubstring("\nERROR: bad_range (1 "));
  c.verdict.reset();
  const Json unverified = page_data(c, {});
  CHECK_THAT(unverified["proof"].get<std::string>(), ContainsSubstring("not verified: "));
  CHECK(unverified["verify"].is_null());
}

TEST_CASE("a page holds the chart library with its licence, or plain pictures", "[html]") {
  const std::string charts = page_of(picture_example());
  CHECK_THAT(charts, ContainsSubstring("/* the library */"));
  CHECK_THAT(charts, ContainsSubstring("Copyright &lt;someone&gt;"));
  CHECK_THAT(charts, !ContainsSubstring("<svg"));
  const std::string plain = page_of(picture_example(), std::nullopt);
  CHECK_THAT(plain, ContainsSubstring("<svg"));
  CHECK_THAT(plain, !ContainsSubstring("/* the library */"));
}

TEST_CASE("texts of a trace stay texts in a page", "[html]") {
  Comparison c = picture_example();
  const std::string evil = "</script><script>alert(1)</script><!--<img src=x>{{data}}";
  c.trace.path = c.trace.meta.tier = c.trace.command = evil;
  c.trace.meta.release = "\xff\xfe" + evil;
  for (ReplayResult& row : c.rows) {
    row.peak.holders = {{MmId{1}, "</script><b>", {1, 1, 1}}};
    row.peak.family.nodes = {{.name = 3, .vmas = 1, .own_vmas = 1, .mm = MmId{1}, .comm = "<!--"}};
  }
  const std::string page = page_of(c), clean = page_of(picture_example());
  const auto scripts = [](const std::string& text) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find("<script", at)) != text.npos; ++at) ++n;
    return n;
  };
  CHECK(scripts(page) == scripts(clean));
  CHECK_THAT(page, !ContainsSubstring("<img"));
  CHECK_THAT(page, !ContainsSubstring("<!--"));
  const Json data = data_of(page);
  CHECK(data["traces"][0]["compare"]["trace"]["path"] == evil);
  CHECK(data["traces"][0]["owners"][0]["mm"][0]["holder"] == "mm 1 (</script><b>)");
}

TEST_CASE("a page is never larger than its limit", "[html]") {
  Comparison c = picture_example();
  c.trace.meta.tier.assign(std::size_t{1} << 20, '<');
  Timeline busy;
  for (std::uint64_t i = 0; i < Timeline::kMostPoints; ++i)
    busy.take(i * Timeline::kFirstWidthNs, {i * 1'000'000'007 % 99'999'989}, i * 7'919'000'000);
  for (ReplayResult& row : c.rows) row.timeline = busy;
  while (c.rows.size() < 40) {
    c.rows.push_back(c.rows[1]);
    c.rows.back().strategy = "design " + std::to_string(c.rows.size());
  }
  const std::string page = page_of(c);
  CHECK(page.size() <= kMostPageBytes);
  const Json data = data_of(page);
  CHECK(points_of(data) < Timeline::kMostPoints);
  CHECK(data["traces"][0]["compare"]["trace"]["tier"].get<std::string>().size() < 20'000);

  const std::vector<Comparison> traces(8, c);
  const auto refused = render_html(traces, kLibrary);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::usage);
}

TEST_CASE("a long histogram has the ranges that the page draws", "[html]") {
  Comparison c = picture_example();
  Histogram& lengths = c.rows[0].peak.walks.walk_lengths;
  for (std::uint64_t length = 0; length <= 200; ++length) lengths.emplace_back(length, 10);
  c.rows[0].peak.walks.chain_lengths = {{7, 1}};
  const Json walks = page_data(c, {})["compare"]["strategies"][0]["walks"]["peak_of_sum"];
  const auto range = [](int last, int vmas) { return Json{{"visited", last}, {"vmas", vmas}}; };
  CHECK(walks["walk_lengths"] == Json{range(0, 10), range(1, 10), range(2, 10), range(3, 10),
                                      range(4, 10), range(8, 40), range(16, 80), range(32, 160),
                                      range(64, 320), range(128, 640), range(256, 720)});
  CHECK(walks["chain_lengths"] == Json::array({{{"entries", 7}, {"vmas", 1}}}));
}

TEST_CASE("a large family is cut at its end", "[html]") {
  Comparison c = picture_example();
  Family& family = c.rows[0].peak.family;
  for (std::uint64_t i = 0; i < 10; ++i) family.nodes.push_back({.own_vmas = i});
  const Json json = page_data(c, {.points = 8, .nodes = 3})["families"][0];
  CHECK(json["anon_vmas"] == 10);
  REQUIRE(json["nodes"].size() == 3);
  CHECK(json["nodes"][1]["own_vmas"] == 1);
  CHECK(json["nodes"][2]["own_vmas"] == 2);
}

}  // namespace
}  // namespace anonvma::test
