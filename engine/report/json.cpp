// The one file that needs nlohmann's header for reports. Keys may be added, never renamed.
#include <nlohmann/json.hpp>

#include "engine/report/render.h"
#include "engine/report/rows.h"

namespace anonvma {

namespace {

using Json = nlohmann::ordered_json;

Json trace_json(const Comparison& comparison) {
  const TraceSummary& trace = comparison.trace;
  return {{"path", trace.path},
          {"hash", trace.hash},
          {"kernel", trace.meta.release},
          {"machine", trace.meta.machine},
          {"events", trace.events},
          {"lost", trace.lost},
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
          {"damage", trace.damage}};
}

Json cache_json(const CacheBlock& block, const CacheRow& row) {
  return {{"cache", block.spec.name},
          {"active_objs", row.use.active_objs},
          {"peak_objs", row.use.peak_objs},
          {"allocs", row.use.allocs},
          {"frees", row.use.frees},
          {"objsize", block.spec.objsize},
          {"objperslab", block.spec.objperslab},
          {"pagesperslab", block.spec.pagesperslab},
          {"active_bytes", row.active_bytes},
          {"peak_bytes", row.peak_bytes},
          {"slab_bytes", row.slab_bytes},
          {"at_start_objs", row.at_start_objs},
          {"geometry", block.assumed ? "assumed" : "trace"}};
}

Json mismatch_json(const Mismatch& mismatch) {
  return {{"event", mismatch.event},   {"time_ns", mismatch.time_ns},
          {"mm", mismatch.mm},         {"comm", mismatch.comm},
          {"kernel", mismatch.kernel}, {"operation", mismatch.operation},
          {"model", mismatch.model}};
}

Json strategy_json(const ReplayResult& result, const Rows& all, std::size_t index) {
  Json caches = Json::array();
  for (const CacheBlock& block : all.caches) caches.push_back(cache_json(block, block.rows[index]));
  Json anomalies = Json::object();
  for (const AnomalyRow& row : all.anomalies)
    if (row.counts[index] != 0) anomalies[std::string(row.info.name)] = row.counts[index];
  Json json = {{"name", result.strategy},
               {"root_locks", result.root_locks},
               {"map_count_mismatches", result.map_count_mismatches},
               {"approximate", result.approximate},
               {"caches", std::move(caches)},
               {"map_counts_compared", result.map_counts_compared},
               {"anomalies", std::move(anomalies)}};
  if (result.first_mismatch) json["first_mismatch"] = mismatch_json(*result.first_mismatch);
  return json;
}

}  // namespace

std::string render_json(const Comparison& comparison) {
  const Rows all = rows(comparison);
  Json strategies = Json::array();
  for (std::size_t i = 0; i < comparison.rows.size(); ++i)
    strategies.push_back(strategy_json(comparison.rows[i], all, i));
  const Json json = {{"schema", "anonvma.compare/1"},
                     {"trace", trace_json(comparison)},
                     {"baseline", comparison.baseline},
                     {"strategies", std::move(strategies)}};
  // Names come from a file: bytes that are no UTF-8 are replaced, not thrown at.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anonvma
