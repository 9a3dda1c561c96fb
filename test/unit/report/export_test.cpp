// Results for other programs.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/replay/replay.h"
#include "engine/report/export/result_tables.h"
#include "engine/report/export/series.h"
#include "test/support/look_example.h"

namespace anonvma::test {
namespace {

struct Example {
  explicit Example(const Life& life) : looking(life), bytes(life.trace()) {
    auto reader = TraceReader::open(bytes);
    REQUIRE(reader);
    ReplayOptions options;
    options.strategies = {choice("num-children"), choice("cow-context")};
    options.observe_peak = options.timeline = true;
    auto replayed = replay(*reader, options);
    REQUIRE(replayed);
    comparison = *replayed;
    comparison.baseline = "num-children";
    for (const MmLife* life_of : looking.survey().lives.all()) lives.push_back(life_of);
  }
  Looking looking;
  std::vector<std::byte> bytes;
  Comparison comparison;
  std::vector<const MmLife*> lives;
};

TEST_CASE("the series as CSV has the same number of cells in each line", "[report]") {
  const Example example(three_mms());
  const std::string csv = series_csv(example.comparison);
  std::set<std::ptrdiff_t> commas;
  std::size_t lines = 0;
  for (std::size_t at = 0; at < csv.size(); ++lines) {
    const std::size_t end = csv.find('\n', at);
    commas.insert(std::count(csv.begin() + static_cast<std::ptrdiff_t>(at),
                             csv.begin() + static_cast<std::ptrdiff_t>(end), ','));
    at = end + 1;
  }
  CHECK(commas == std::set<std::ptrdiff_t>{6});
  CHECK(lines > 10);
}

TEST_CASE("the series as JSON ends with the objects of the end", "[report]") {
  const Example example(three_mms());
  const auto json = nlohmann::json::parse(series_json(example.comparison));
  CHECK(json["schema"] == "anonvma.series/1");
  const auto& chains = json["strategies"][0]["caches"][1];
  CHECK(chains["cache"] == "anon_vma_chain");
  CHECK(chains["last_objs"].back() == 4);
  const std::vector<int> max = chains["max_objs"];
  CHECK(*std::max_element(max.begin(), max.end()) == 6);
  CHECK(json["strategies"][1]["name"] == "cow-context");
}

nlohmann::json perfetto_events(const Example& example) {
  return nlohmann::json::parse(series_perfetto(example.comparison, example.lives))["traceEvents"];
}

TEST_CASE("the Perfetto trace has what its format asks of each event", "[report]") {
  const Example example(three_mms());
  for (const auto& event : perfetto_events(example)) {
    const std::string phase = event.at("ph");
    REQUIRE(std::string("MCXsf").find(phase) != std::string::npos);
    CHECK(event.at("pid").is_number_unsigned());
    CHECK(event.at("tid").is_number_unsigned());
    CHECK(event.at("name").is_string());
    if (phase != "M") CHECK(event.at("ts").is_number());
    if (phase == "X") CHECK(event.at("dur").get<double>() >= 0);
    if (phase == "C")
      for (const auto& [unit, value] : event.at("args").items()) CHECK(value.is_number());
  }
}

TEST_CASE("each fork is an arrow between the slices of parent and child", "[report]") {
  const Example example(three_mms());
  std::map<int, nlohmann::json> starts, ends;
  std::map<std::uint64_t, std::pair<double, double>> slices;  // by track
  for (const auto& event : perfetto_events(example)) {
    if (event["ph"] == "s") starts[event["id"]] = event;
    if (event["ph"] == "f") ends[event["id"]] = event;
    if (event["ph"] == "X")
      slices[event["tid"]] = {event["ts"], event["ts"].get<double>() + event["dur"].get<double>()};
  }
  REQUIRE(starts.size() == 2);
  REQUIRE(ends.size() == 2);
  CHECK(starts[1]["tid"] == 100);
  CHECK(ends[1]["tid"] == 101);
  CHECK(ends[1]["bp"] == "e");
  for (const auto* side : {&starts, &ends})
    for (const auto& [id, event] : *side) {
      const auto [from, to] = slices.at(event["tid"]);
      CHECK(from <= event["ts"].get<double>());
      CHECK(event["ts"].get<double>() <= to);
    }
}

TEST_CASE("the mms of one process follow each other on its track", "[report]") {
  Life life = three_mms();
  life.add(8, Exec{.old_mm = MmId{2}});
  life.add(8, Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::exec), .tgid = 102});
  life.exit(2);  // behind the exec, as only a damaged trace has it
  const Example example(life);
  double end = 0;
  std::size_t count = 0;
  for (const auto& event : perfetto_events(example)) {
    if (event["ph"] != "X" || event["tid"] != 102) continue;
    CHECK(event["ts"].get<double>() >= end);
    end = event["ts"].get<double>() + event["dur"].get<double>();
    ++count;
  }
  CHECK(count == 2);
}

TEST_CASE("every row of a result table has a cell for each column", "[report]") {
  const Example example(three_mms());
  std::set<std::string_view> names;
  for (const ResultTable& table : result_tables(example.comparison, example.lives)) {
    INFO(table.name);
    CHECK(names.insert(table.name).second);
    const auto columns =
        static_cast<std::size_t>(1 + std::count(table.columns.begin(), table.columns.end(), ','));
    for (const auto& row : table.rows) CHECK(row.size() == columns);
    if (table.name != "anomalies" && table.name != "lanes") CHECK_FALSE(table.rows.empty());
  }
  CHECK(names.size() == 14);
}

}  // namespace
}  // namespace anonvma::test
