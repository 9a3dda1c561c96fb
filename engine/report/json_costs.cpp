#include "engine/report/holders.h"
#include "engine/report/json.h"

namespace anonvma {
namespace {

Json counts_json(const std::array<std::uint64_t, kAllCaches>& counts) {
  Json json = Json::object();
  for (std::size_t c = 0; c < kAllCaches; ++c)
    if (c < kNumCaches || counts[c] != 0)
      json[std::string(cache_name(static_cast<CacheIndex>(c)))] = counts[c];
  return json;
}

Json histogram_json(const Histogram& histogram, const char* value, const char* count) {
  Json json = Json::array();
  for (const auto& [n, times] : histogram) json.push_back({{value, n}, {count, times}});
  return json;
}

Json walks_json(const Walks& walks) {
  return {{"vmas", walks.vmas},
          {"min", walks.min},
          {"median", walks.median},
          {"p99", walks.p99},
          {"max", walks.max},
          {"vmas_per_anon_vma", histogram_json(walks.vmas_per_anon_vma, "vmas", "anon_vmas")},
          {"walk_lengths", histogram_json(walks.walk_lengths, "visited", "vmas")},
          {"chain_lengths", histogram_json(walks.chain_lengths, "entries", "vmas")}};
}

}  // namespace

Json holders_json(const ReplayResult& result, const Moment& moment, const ReportOptions& options) {
  Json json = Json::array();
  for (const HolderLine& line : holder_lines(result, moment, options))
    json.push_back({{"holder", line.name},
                    {"mms", line.mms},
                    {"objs", counts_json(line.objs)},
                    {"bytes", line.bytes}});
  return json;
}

void add_costs(Json& strategy, const ReplayResult& result) {
  Json churn = Json::object(), locks = Json::object();
  for (std::size_t k = 0; k < kNumOpKinds; ++k) {
    const OpCost& cost = result.costs[k];
    if (cost == OpCost{}) continue;
    const std::string name(op_kind_name(static_cast<OpKind>(k)));
    churn[name] = {{"operations", cost.operations},
                   {"allocs", counts_json(cost.allocs)},
                   {"frees", counts_json(cost.frees)}};
    locks[name] = {{"root_locks", cost.locks.holds},
                   {"vmas", cost.locks.vmas},
                   {"objs", cost.locks.objs},
                   {"longest_hold_objs", cost.locks.longest_objs},
                   {"vma_layer_locks_as_read", cost.vma_layer_locks}};
  }
  strategy["churn"] = std::move(churn);
  strategy["locks"] = std::move(locks);
  strategy["walks"] = {{"end", walks_json(result.end.walks)},
                       {"peak_of_sum", walks_json(result.peak.walks)}};
  if (result.at) strategy["walks"]["at"] = walks_json(result.at->walks);
}

void add_holders(Json& strategy, const ReplayResult& result, const ReportOptions& options) {
  strategy["holders"] = {{"by", by_name(options.by)},
                         {"end", holders_json(result, result.end, options)},
                         {"peak_of_sum", holders_json(result, result.peak, options)}};
  if (result.at) strategy["holders"]["at"] = holders_json(result, *result.at, options);
}

}  // namespace anonvma
