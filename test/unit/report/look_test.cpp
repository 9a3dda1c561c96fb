// Texts and drawings of looks at a moment. Whole ones are golden files.
#include <nlohmann/json.hpp>

#include "engine/report/look/columns.h"
#include "engine/report/look/explain.h"
#include "engine/report/look/map.h"
#include "engine/report/look/svg.h"
#include "engine/report/look/words.h"
#include "engine/trace/abi.h"
#include "test/support/look_example.h"

namespace anonvma::test {
namespace {

SpaceMap map_of(const Looking& looking, std::uint32_t mm) {
  const Scene scene = looking.scene();
  return map_space(scene, looking.stand(scene), looking.survey(), looking.life(mm));
}

TEST_CASE("columns are as wide as their widest cell", "[report]") {
  Columns columns("lr");
  columns.add({"a", "1000"});
  columns.add_line("between");
  columns.add({"long", "1"});
  CHECK(columns.text() == "a     1000\nbetween\nlong     1\n");
  CHECK(columns.last_begins() == 6);
}

TEST_CASE("sizes, flags and numbers of things are short", "[report]") {
  CHECK(short_size(4096) == "4K");
  CHECK(short_size(5 << 20) == "5.0M");
  CHECK(short_size(64 << 20) == "64M");
  CHECK(short_size(3ull << 30) == "3.0G");
  CHECK(access_text(kVmRead | kVmShared) == "r--s");
  CHECK(flag_words(kVmGrowsDown | kVmAccount) == "gd ac");
  CHECK(counted(1, "entry") == "1 entry");
  CHECK(counted(2, "entry") == "2 entries");
  CHECK(counted(0, "vma") == "0 vmas");
}

TEST_CASE("the text of a map draws chains and trees", "[report]") {
  const std::string text = map_text(map_of(Looking(three_mms(), 5.5), 2), {});
  CHECK_THAT(text, ContainsSubstring("mm 2 (task0), pid 102, forked from mm 1 (task0) at 5.000 s"));
  CHECK_THAT(text, ContainsSubstring("1 vma, 3 chain entries to 3 anon_vmas, 2 shared"));
  CHECK_THAT(text, ContainsSubstring("  1 2 [3]\n"));
  CHECK_THAT(text, ContainsSubstring("\n`-2  "));
  CHECK_THAT(text, ContainsSubstring("\n  `-3  "));
  CHECK_THAT(text, ContainsSubstring("write in mm 0 (task0)"));
  CHECK_THAT(text, ContainsSubstring("shared with  mm 0 (task0), mm 1 (task0)"));
}

// In one line, whatever the wrapping.
std::string flat(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (const bool blank = c == ' ' || c == '\n'; !blank || !out.ends_with(' '))
      out += blank ? ' ' : c;
  return out;
}

TEST_CASE("designs without anon_vmas say so", "[report]") {
  const std::string text = map_text(map_of(Looking(three_mms(), 5.5, "cow-context"), 2), {});
  CHECK_THAT(text, ContainsSubstring("-> t1"));
  CHECK_THAT(text, ContainsSubstring("t1, t2, ... are no anon_vmas"));
  const std::string legacy = flat(map_text(map_of(Looking(three_mms(), 5.5, "legacy"), 2), {}));
  CHECK_THAT(legacy, ContainsSubstring("legacy has no chains"));
  const std::string noswap = flat(map_text(map_of(Looking(three_mms(), 5.5, "noswap"), 2), {}));
  CHECK_THAT(noswap, ContainsSubstring("noswap has no anon_vma"));
  const std::string unwritten = flat(map_text(map_of(Looking(three_mms(), 2.5), 0), {}));
  CHECK(unwritten.find("has no anon_vma") == std::string::npos);
}

TEST_CASE("unfaulted vmas are folded into a line unless all are asked for", "[report]") {
  Life life;
  life.exec(0).map(0, 0).map(0, 4).map(0, 8).write(0, 8);
  const SpaceMap map = map_of(Looking(life, 5.5), 0);
  CHECK_THAT(map_text(map, {}), ContainsSubstring("  2 unfaulted vmas, 16K\n"));
  CHECK_FALSE(map_text(map, {.all = true}).find("unfaulted vmas,") != std::string::npos);
}

TEST_CASE("two designs stand beside each other", "[report]") {
  const SpaceMap first = map_of(Looking(three_mms(), 5.5), 2);
  const SpaceMap second = map_of(Looking(three_mms(), 5.5, "legacy"), 2);
  const std::string text = map_diff_text(first, second, {});
  CHECK_THAT(text, ContainsSubstring("chain entries of these             3       0  -100.0%"));
  CHECK_THAT(text, ContainsSubstring("1 2 [3]"));
  const auto json = nlohmann::json::parse(map_json(first, &second));
  CHECK(json["schema"] == "anonvma.map/1");
  CHECK(json["maps"].size() == 2);
  CHECK(json["maps"][0]["vmas"][0]["chain"] == std::vector<int>{3, 2, 1});
  CHECK(json["maps"][1]["vmas"][0]["anon_vma"] == 1);
}

TEST_CASE("names from a file do no harm in an SVG", "[report]") {
  CHECK(xml_text("<a b=\"c\">&\x1b") == "&lt;a b=&quot;c&quot;&gt;&amp;?");
  SpaceMap map = map_of(Looking(three_mms(), 5.5), 2);
  map.mm.comm = "</text><script>";
  const std::string svg = map_svg(map, nullptr, {});
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("an SVG has a curve for each chain entry and one for each parent", "[report]") {
  const std::string svg = map_svg(map_of(Looking(three_mms(), 5.5), 2), nullptr, {});
  const auto count = [&svg](std::string_view what) {
    std::size_t n = 0;
    for (std::size_t at = svg.find(what); at != svg.npos; at = svg.find(what, at + 1)) ++n;
    return n;
  };
  CHECK(count("<path class=\"own\"") == 1);
  CHECK(count("<path class=\"link\"") == 2);
  CHECK(count("<path class=\"parent\"") == 2);
}

TEST_CASE("an explanation tells the maker, the forks and the holders", "[report]") {
  const Looking looking(three_mms(), 6.5);
  const auto e = explain(looking.look(), looking.scene(), {.anon_vma = 2, .mm = {}});
  REQUIRE(e);
  const std::string text = explain_text(*e, {});
  CHECK_THAT(text, ContainsSubstring("anon_vma 2: root 1, parent 1"));
  CHECK_THAT(text, ContainsSubstring("4.000 s, fork of mm 0 (task0) to mm 1"));
  CHECK_THAT(flat(text), ContainsSubstring("an ancestor that only its descendants keep"));
  CHECK_THAT(text, ContainsSubstring("into children by 1 fork"));
  CHECK_THAT(text, ContainsSubstring("`-mm 2 (task0)  fork at 5.000 s  1 vma"));
  CHECK_THAT(text, ContainsSubstring("ended at 6.000 s"));
  const auto json = nlohmann::json::parse(explain_json(*e));
  CHECK(json["schema"] == "anonvma.explain/1");
  CHECK(json["anon_vmas"][0]["carriers"].size() == 2);
  CHECK(json["without_own_vma"]["largest"][0]["anon_vma"] == 2);
}

TEST_CASE("an answer that is not exact says why", "[report]") {
  SpaceMap map = map_of(Looking(three_mms(), 5.5), 2);
  map.scene.lost = 3;
  map.scene.damage = "file ends inside a chunk";
  map.scene.notes = {"a reason"};
  const std::string text = map_text(map, {});
  CHECK_THAT(text, ContainsSubstring("approximate: a reason"));
  CHECK_THAT(text, ContainsSubstring("DATA LOSS: 3 events were lost"));
  CHECK_THAT(text, ContainsSubstring("DAMAGED: file ends inside a chunk"));
}

}  // namespace
}  // namespace anonvma::test
