#include "engine/report/export/series.h"

#include <fmt/format.h>

#include "engine/report/export/series_points.h"
#include "engine/report/json.h"

namespace anonvma {
namespace {

Json cache_json(const ReplayResult& row, std::size_t cache) {
  Json last = Json::array(), max = Json::array();
  each_point(row, [&](std::uint64_t, const TimelinePoint& point) {
    last.push_back(point.last[cache]);
    max.push_back(point.max[cache]);
  });
  return {{"cache", cache_name(static_cast<CacheIndex>(cache))},
          {"objsize", row.specs.specs[cache].objsize},
          {"last_objs", std::move(last)},
          {"max_objs", std::move(max)}};
}

Json strategy_json(const ReplayResult& row) {
  Json caches = Json::array(), last = Json::array(), max = Json::array();
  for (std::size_t c = 0; c < kAllCaches; ++c)
    if (has_series(row, c)) caches.push_back(cache_json(row, c));
  each_point(row, [&](std::uint64_t, const TimelinePoint& point) {
    last.push_back(point.last_bytes);
    max.push_back(point.max_bytes);
  });
  return {{"name", row.strategy},
          {"width_ns", row.timeline ? row.timeline->width_ns() : 0},
          {"caches", std::move(caches)},
          {"sum", {{"last_bytes", std::move(last)}, {"max_bytes", std::move(max)}}}};
}

}  // namespace

bool has_series(const ReplayResult& row, std::size_t cache) {
  return cache < kNumCaches || row.caches[cache].allocs > 0;
}

std::string series_csv(const Comparison& comparison) {
  std::string out = "strategy,start_s,cache,last_objs,max_objs,last_bytes,max_bytes\n";
  for (const ReplayResult& row : comparison.rows)
    each_point(row, [&](std::uint64_t start_ns, const TimelinePoint& point) {
      // A strategy's name has no comma without parameters, and quotes never.
      const std::string begin =
          fmt::format("\"{}\",{:.6f}", row.strategy, static_cast<double>(start_ns) / 1e9);
      for (std::size_t c = 0; c < kAllCaches; ++c) {
        if (!has_series(row, c)) continue;
        const std::uint64_t objsize = row.specs.specs[c].objsize;
        out += fmt::format("{},{},{},{},{},{}\n", begin, cache_name(static_cast<CacheIndex>(c)),
                           point.last[c], point.max[c], point.last[c] * objsize,
                           point.max[c] * objsize);
      }
      out += fmt::format("{},sum,,,{},{}\n", begin, point.last_bytes, point.max_bytes);
    });
  return out;
}

Json series_value(const Comparison& comparison) {
  const TraceSummary& trace = comparison.trace;
  Json json = {{"schema", "anonvma.series/1"},
               {"trace",
                {{"path", trace.path},
                 {"hash", trace.hash},
                 {"kernel", trace.meta.release},
                 {"events", trace.events},
                 {"lost", trace.lost},
                 {"duration_ns", trace.duration_ns},
                 {"damage", trace.damage}}},
               {"strategies", Json::array()}};
  for (const ReplayResult& row : comparison.rows) json["strategies"].push_back(strategy_json(row));
  return json;
}

std::string series_json(const Comparison& comparison) { return document(series_value(comparison)); }

}  // namespace anonvma
