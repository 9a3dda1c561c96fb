// The schema of cmd/README.md. Keys may be added, never renamed.
#include "engine/report/json.h"

#include <nlohmann/json.hpp>

#include "engine/report/formats.h"
#include "engine/report/reach_lines.h"
#include "engine/report/table.h"
#include "engine/report/tables.h"

namespace anonvma {

Json slice_json(const CutInfo& cut) {
  return {{"source", cut.source},       {"first_event", cut.first_event},
          {"end_event", cut.end_event}, {"from_ns", cut.from_ns},
          {"to_ns", cut.to_ns},         {"notes", cut.notes}};
}

Json change_json(const Change& change) { return change ? Json(*change) : Json(nullptr); }

namespace {

Json trace_json(const Comparison& comparison) {
  const TraceSummary& trace = comparison.trace;
  Json json = {{"path", trace.path},
               {"hash", trace.hash},
               {"kernel", trace.meta.release},
               {"machine", trace.meta.machine},
               {"events", trace.events},
               {"lost", trace.lost},
               {"lost_percent", lost_percent(trace)},
               {"tainted_mms", trace.tainted_mms},
               {"tainted_mms_at_end", trace.tainted_at_end},
               {"duration_ns", trace.duration_ns},
               {"verified", verdict_name(comparison)},
               {"verdict", verdict_words(comparison)},
               {"skipped", trace.skipped},
               {"page_size", trace.meta.page_size},
               {"scope", trace.meta.scope},
               {"faults", trace.meta.faults},
               {"mms", trace.mms},
               {"own_strategy", trace.own_strategy},
               {"rules", trace.rules},
               {"command", trace.command},
               {"damage", trace.damage}};
  if (!trace.meta.tier.empty()) json["tier"] = trace.meta.tier;
  if (trace.meta.cut != CutInfo{}) json["slice"] = slice_json(trace.meta.cut);
  return json;
}

Json cache_json(const std::string& cache, const CacheRow& row, const SlubUse* slub) {
  Json json = {{"cache", cache},
               {"active_objs", row.use.active_objs},
               {"peak_objs", row.use.peak_objs},
               {"allocs", row.use.allocs},
               {"frees", row.use.frees},
               {"objsize", row.spec.objsize},
               {"objperslab", row.spec.objperslab},
               {"pagesperslab", row.spec.pagesperslab},
               {"active_bytes", row.end.bytes},
               {"peak_bytes", row.own_peak.bytes},
               {"slab_bytes", row.slab_bytes},
               {"at_start_objs", row.at_start_objs},
               {"geometry", source_name(row.source)},
               {"active_change_percent", change_json(row.end.change)},
               {"peak_change_percent", change_json(row.own_peak.change)}};
  if (slub != nullptr) {
    json["slub_slabs_peak"] = slub->slabs_peak;
    json["slub_slabs_end"] = slub->slabs_end;
    json["slub_guessed_frees"] = slub->guessed_frees;
  }
  return json;
}

// The sum of all caches at one moment, and the share of each.
Json moment_json(const Rows& all, std::size_t index, const Amount& sum,
                 const Amount& (*of)(const CacheRow&)) {
  Json objs = Json::object();
  for (const CacheBlock& block : all.caches)
    if (block.rows[index].shown(block.cache)) objs[block.name] = of(block.rows[index]).objs;
  Json json = {{"bytes", sum.bytes}, {"change_percent", change_json(sum.change)}, {"objs", objs}};
  if (sum.remap_entries > 0) json["remap_entries"] = sum.remap_entries;
  return json;
}

Json end_json(const Rows& all, std::size_t i) {
  return moment_json(all, i, all.sums[i].end,
                     [](const CacheRow& row) -> const Amount& { return row.end; });
}
Json peak_json(const Rows& all, std::size_t i) {
  return moment_json(all, i, all.sums[i].peak,
                     [](const CacheRow& row) -> const Amount& { return row.peak; });
}
Json at_json(const Rows& all, std::size_t i) {
  return moment_json(all, i, *all.sums[i].at,
                     [](const CacheRow& row) -> const Amount& { return *row.at; });
}

Json mismatch_json(const Mismatch& mismatch) {
  return {{"event", mismatch.event},   {"time_ns", mismatch.time_ns},
          {"mm", mismatch.mm},         {"comm", mismatch.comm},
          {"kernel", mismatch.kernel}, {"operation", mismatch.operation},
          {"model", mismatch.model}};
}

void add_moments(Json& json, const ReplayResult& result, const Rows& all, std::size_t index) {
  const auto timed = [](Json json, const Moment& moment) {
    json["event"] = moment.slab.event;
    json["time_ns"] = moment.slab.time_ns;
    return json;
  };
  json["end"] = timed(end_json(all, index), result.end);
  json["peak_of_sum"] = timed(peak_json(all, index), result.peak);
  if (result.at) json["at"] = timed(at_json(all, index), *result.at);
}

Json strategy_json(const ReplayResult& result, const Rows& all, std::size_t index,
                   const ReportOptions& options) {
  Json caches = Json::array();
  for (const CacheBlock& block : all.caches)
    if (block.rows[index].shown(block.cache))
      caches.push_back(cache_json(block.name, block.rows[index],
                                  result.slub ? &(*result.slub)[block.cache] : nullptr));
  Json anomalies = Json::object();
  for (const AnomalyRow& row : all.anomalies)
    if (row.counts[index] != 0) anomalies[std::string(row.info.name)] = row.counts[index];
  Json json = {{"name", result.strategy},
               {"root_locks", result.root_locks},
               {"map_count_mismatches", result.map_count_mismatches},
               {"approximate", result.approximate},
               {"caches", std::move(caches)},
               {"rules", result.rules},
               {"rules_assumed", result.assumed},
               {"basis", result.basis},
               {"map_counts_compared", result.map_counts_compared},
               {"anomalies", std::move(anomalies)}};
  if (result.first_mismatch) json["first_mismatch"] = mismatch_json(*result.first_mismatch);
  add_moments(json, result, all, index);
  add_costs(json, result);
  if (result.reach) json["reach"] = reach_json(*result.reach);
  if (options.by != By::nobody) add_holders(json, result, options);
  return json;
}

}  // namespace

std::string document(const Json& json) {
  // Names come from a file: invalid UTF-8 is replaced and never throws.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json comparison_json(const Comparison& comparison, const ReportOptions& options) {
  const Rows all = rows(comparison);
  Json strategies = Json::array();
  for (std::size_t i = 0; i < comparison.rows.size(); ++i)
    strategies.push_back(strategy_json(comparison.rows[i], all, i, options));
  return {{"schema", "anonvma.compare/1"},
          {"trace", trace_json(comparison)},
          {"baseline", comparison.baseline},
          {"strategies", std::move(strategies)}};
}

std::string render_json(const Comparison& comparison, const ReportOptions& options) {
  return document(comparison_json(comparison, options));
}

std::string sum_json(const Rows& sum, std::size_t traces, std::string_view baseline) {
  Json strategies = Json::array();
  for (std::size_t i = 0; i < sum.sums.size(); ++i) {
    Json caches = Json::array();
    for (const CacheBlock& block : sum.caches) {
      Json cache = cache_json(block.name, block.rows[i], nullptr);
      // Traces may differ in these keys, so the sum has none of them.
      for (const char* key : {"objsize", "objperslab", "pagesperslab", "geometry"})
        cache.erase(key);
      caches.push_back(std::move(cache));
    }
    const SumRow& row = sum.sums[i];
    Json strategy = {{"name", row.strategy},
                     {"root_locks", row.root_locks},
                     {"caches", std::move(caches)},
                     {"end", end_json(sum, i)},
                     {"peak_of_sum", peak_json(sum, i)}};
    if (row.at) strategy["at"] = at_json(sum, i);
    strategies.push_back(std::move(strategy));
  }
  return document({{"schema", "anonvma.compare.sum/1"},
                   {"traces", traces},
                   {"baseline", baseline},
                   {"strategies", std::move(strategies)}});
}

}  // namespace anonvma
