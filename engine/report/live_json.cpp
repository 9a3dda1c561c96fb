#include "engine/report/live_json.h"

#include <cmath>

#include "engine/report/json.h"
#include "engine/report/live_owners.h"
#include "engine/report/live_tables.h"
#include "engine/report/rows.h"

namespace anonvma {
namespace {

std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Rates are means: more digits would mean nothing.
double rate(double per_second) { return std::round(per_second * 10) / 10; }

Json caches_json(const LiveDesign& design, const LiveRates::Design& rates) {
  Json caches = Json::object();
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    if (!design.uses(c)) continue;
    const auto cache = static_cast<CacheIndex>(c);
    caches[std::string(cache_name(cache))] = {
        {"objs", design.caches[c].active_objs},     {"bytes", design.bytes(cache)},
        {"at_start_objs", design.at_start_objs[c]}, {"peak_objs", design.caches[c].peak_objs},
        {"allocs", design.caches[c].allocs},        {"frees", design.caches[c].frees},
        {"allocs_per_s", rate(rates.allocs_of[c])}, {"frees_per_s", rate(rates.frees_of[c])}};
  }
  return caches;
}

Json designs_json(const LiveFrame& frame) {
  Json designs = Json::array();
  const std::uint64_t base = frame.now.designs[baseline_of(frame)].bytes();
  for (std::size_t d = 0; d < frame.now.designs.size(); ++d) {
    const LiveDesign& design = frame.now.designs[d];
    const LiveRates::Design rates = frame.rates.of(d);
    designs.push_back({{"name", design.name},
                       {"own", design.own},
                       {"start_approximate", design.approximate},
                       {"bytes", design.bytes()},
                       {"change_percent", change_json(change(design.bytes(), base))},
                       {"at_start_bytes", design.at_start_bytes()},
                       {"peak_bytes", design.peak_bytes()},
                       {"root_locks", design.root_locks},
                       {"root_locks_per_s", rate(rates.root_locks)},
                       {"allocs_per_s", rate(rates.allocs)},
                       {"frees_per_s", rate(rates.frees)},
                       {"caches", caches_json(design, rates)}});
  }
  return designs;
}

std::string_view state_name(LiveCheck::State state) {
  switch (state) {
    case LiveCheck::State::none:
      return "none";
    case LiveCheck::State::running:
      return "running";
    case LiveCheck::State::done:
      return "done";
  }
  return "";
}

Json check_json(const LiveFrame& frame) {
  const LiveCheck& check = frame.check;
  const LiveVerified& all = frame.now.verified;
  return {{"possible", all.possible},
          {"state", state_name(check.state)},
          {"number", check.number},
          {"clock", check.clock},
          {"equal", check.state == LiveCheck::State::done && check.differ() == 0},
          {"walk",
           {{"mms", check.kernel.mms},
            {"vmas", check.kernel.vmas},
            {"chain_entries", check.kernel.chain_entries},
            {"anon_vmas", check.kernel.anon_vmas}}},
          {"model_mms", check.model_mms},
          {"vmas", check.vmas},
          {"vmas_differ", check.vmas_differ},
          {"chain_entries", check.chain_entries},
          {"chain_entries_differ", check.chain_entries_differ},
          {"repeated", check.repeated},
          {"differences", check.differences},
          {"since_start",
           {{"map_counts", all.map_counts},
            {"map_counts_differ", all.map_counts_differ},
            {"vmas", all.vmas},
            {"vmas_differ", all.vmas_differ},
            {"chain_entries", all.chain_entries},
            {"chain_entries_differ", all.chain_entries_differ}}}};
}

Json owners_json(const LiveFrame& frame, const LiveView& view, std::size_t most) {
  const LiveOwners owners = live_owners(frame, view);
  Json lines = Json::array();
  for (std::size_t i = 0; i < std::min(most, owners.lines.size()); ++i) {
    const HolderLine& owner = owners.lines[i];
    Json objs = Json::object();
    for (std::size_t c = 0; c < kAllCaches; ++c)
      if (c < kNumCaches || owner.objs[c] > 0)
        objs[std::string(cache_name(static_cast<CacheIndex>(c)))] = owner.objs[c];
    lines.push_back(
        {{"name", owner.name}, {"mms", owner.mms}, {"bytes", owner.bytes}, {"objs", objs}});
  }
  return {{"design", frame.now.designs[frame.holders->design].name},
          {"by", by_name(view.by)},
          {"clock", frame.holders->clock},
          {"lines", std::move(lines)}};
}

}  // namespace

std::string live_json_head(const LiveFrame& frame) {
  const LiveMachine& machine = frame.machine;
  Json designs = Json::array();
  for (const LiveDesign& design : frame.now.designs) {
    Json sizes = Json::object();
    for (const CacheSpec& spec : design.specs) sizes[spec.name] = spec.objsize;
    designs.push_back({{"name", design.name}, {"own", design.own}, {"objsizes", sizes}});
  }
  return line({{"schema", "anonvma.top/1"},
               {"kernel", machine.release},
               {"machine", machine.machine},
               {"own_strategy", machine.own},
               {"baseline", machine.baseline},
               {"scope", machine.scope},
               {"tier", machine.tier},
               {"faults", machine.faults},
               {"interval_s", machine.interval_s},
               {"processes_unreadable", frame.unreadable},
               {"address_spaces_torn", frame.torn},
               {"strategies", std::move(designs)}});
}

std::string live_json_line(const LiveFrame& frame, const LiveView& view, std::size_t owners) {
  const LiveRates& rates = frame.rates;
  Json json = {{"unix_ms", frame.unix_ms},
               {"elapsed_s", std::round(frame.elapsed_s * 1000) / 1000},
               {"interval_s", std::round(frame.interval_s * 1000) / 1000},
               {"events", frame.now.events},
               {"events_per_s", rate(rates.events)},
               {"forks_per_s", rate(rates.forks)},
               {"execs_per_s", rate(rates.execs)},
               {"exits_per_s", rate(rates.exits)},
               {"faults_per_s", rate(rates.faults)},
               {"mms", frame.now.mms},
               {"lost", frame.lost},
               {"tainted_mms", frame.now.tainted},
               {"check", check_json(frame)},
               {"strategies", designs_json(frame)}};
  if (frame.holders && owners > 0) json["owners"] = owners_json(frame, view, owners);
  if (!frame.ended.empty()) json["ended"] = frame.ended;
  return line(json);
}

}  // namespace anonvma
