#include "engine/report/picture/panels.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/report/export/series_points.h"
#include "engine/report/table.h"

namespace anonvma {
namespace {

std::vector<Timeline> timelines(const Comparison& comparison, std::size_t most) {
  std::vector<Timeline> all;
  for (const ReplayResult& row : comparison.rows) {
    all.push_back(row.timeline.value_or(Timeline{}));
    all.back().shrink(most);
  }
  return all;
}

PanelLine line_of(const Timeline& timeline, std::optional<CacheIndex> cache) {
  PanelLine line;
  for (const TimelinePoint& point : timeline.points()) {
    line.last.push_back(cache ? point.last[*cache] : point.last_bytes);
    line.max.push_back(cache ? point.max[*cache] : point.max_bytes);
  }
  return line;
}

}  // namespace

std::uint64_t PanelLine::peak() const {
  return max.empty() ? 0 : *std::max_element(max.begin(), max.end());
}

std::uint64_t Panel::highest() const {
  std::uint64_t most = 0;
  for (const PanelLine& line : lines) most = std::max(most, line.peak());
  return most;
}

Panels panels(const Comparison& comparison, std::size_t most) {
  const std::vector<Timeline> lives = timelines(comparison, most);
  Panels found;
  if (lives.empty()) return found;
  found.width_ns = lives.front().width_ns();
  found.points = lives.front().points().size();
  const auto add = [&](std::string name, std::optional<CacheIndex> cache) {
    Panel panel{std::move(name), cache, {}};
    for (std::size_t i = 0; i < lives.size(); ++i) {
      const ReplayResult& row = comparison.rows[i];
      if (cache && !has_series(row, *cache)) continue;
      panel.lines.push_back(line_of(lives[i], cache));
      panel.lines.back().strategy = row.strategy;
      panel.lines.back().baseline = row.strategy == comparison.baseline;
    }
    if (!panel.lines.empty()) found.all.push_back(std::move(panel));
  };
  add("sum", {});
  for (std::size_t c = 0; c < kAllCaches; ++c)
    add(std::string(cache_name(static_cast<CacheIndex>(c))), static_cast<CacheIndex>(c));
  return found;
}

std::string_view panel_title(const Panel& panel) {
  return panel.cache ? std::string_view(panel.name) : "sum of all caches";
}

std::string panel_value(const Panel& panel, std::uint64_t value) {
  if (!panel.cache) return fmt::format("{} KB", kb(value));
  return fmt::format("{} {}", value, value == 1 ? "object" : "objects");
}

}  // namespace anonvma
