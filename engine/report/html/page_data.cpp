#include "engine/report/html/page_data.h"

#include <bit>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/report/brief.h"
#include "engine/report/export/series.h"
#include "engine/report/grid.h"
#include "engine/report/json.h"
#include "engine/report/rows.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

constexpr std::size_t kUnwrapped = 10000;  // columns: the page wraps lines itself

// Cut off nodes are the last ones, so the parent of each node that is left is there.
Json family_json(const Family& family, std::size_t most) {
  Json nodes = Json::array();
  for (const FamilyNode& node : family.nodes) {
    if (nodes.size() == most) break;
    nodes.push_back({{"parent", node.parent},
                     {"mm", node.mm ? Json(node.mm.v) : Json(nullptr)},
                     {"comm", printable(node.comm)},
                     {"own_vmas", node.own_vmas},
                     {"vmas", node.vmas}});
  }
  return {{"anon_vmas", family.nodes.size()},
          {"vmas", family.vmas},
          {"roots", family.roots},
          {"nodes", std::move(nodes)}};
}

Json owners_json(const ReplayResult& row, std::size_t most) {
  Json owners = Json::object();
  for (const By by : {By::comm, By::mm}) {
    const ReportOptions options{.by = by, .top = most};
    owners[std::string(by_name(by))] = holders_json(row, row.peak, options);
  }
  return owners;
}

// The ranges that the page draws (peak.js): 0 to 4, and then up to each power of two. A range is called
// by its last length.
Json by_ranges(const Json& histogram) {
  Json ranges = Json::array();
  for (const Json& entry : histogram) {  // {length: ..., number: ...}
    const auto length = entry.begin(), number = std::next(length);
    const auto exact = length->get<std::uint64_t>();
    const std::uint64_t last = exact <= 4 ? exact : std::bit_ceil(exact);
    if (ranges.empty() || ranges.back()[length.key()] != last)
      ranges.push_back({{length.key(), last}, {number.key(), 0}});
    Json& sum = ranges.back()[number.key()];
    sum = sum.get<std::uint64_t>() + number->get<std::uint64_t>();
  }
  return ranges;
}

// A deep family has as many lengths of walks as it has vmas: too many for a page.
void shorten_histograms(Json& compare) {
  constexpr std::size_t kMostLengths = 128;
  for (Json& strategy : compare["strategies"])
    for (Json& walks : strategy["walks"])
      for (Json& value : walks)
        if (value.size() > kMostLengths) value = by_ranges(value);
}

Json compare_json(const Comparison& comparison) {
  Json json = comparison_json(comparison, {});
  shorten_histograms(json);
  return json;
}

Json footer_json(const Comparison& comparison, const Rows& all) {
  Json lines = Json::array();
  for (const auto& [label, words] : footer(comparison, all)) lines.push_back({label, words});
  return lines;
}

}  // namespace

Json page_data(Comparison comparison, const PageLimits& limits) {
  for (ReplayResult& row : comparison.rows)
    if (row.timeline) row.timeline->shrink(limits.points);
  const Rows all = rows(comparison);
  Json families = Json::array(), owners = Json::array();
  for (const ReplayResult& row : comparison.rows) {
    families.push_back(family_json(row.peak.family, limits.nodes));
    owners.push_back(owners_json(row, limits.holders));
  }
  const Screen wide{.columns = kUnwrapped};
  Json data = {{"subject", subject_line(comparison, wide)},
               {"compare", compare_json(comparison)},
               {"series", series_value(comparison)},
               {"owners", std::move(owners)},
               {"families", std::move(families)},
               {"proof", proof_lines(comparison, wide)},
               {"footer", footer_json(comparison, all)},
               {"notes", anomaly_lines(comparison, all)},
               {"verify", nullptr}};
  if (comparison.verdict) data["verify"] = Json::parse(render_verdict_json(comparison));
  return data;
}

}  // namespace anonvma
