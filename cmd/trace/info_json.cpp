// The schema "anonvma.info/1". Keys may be added, never renamed.
#include <nlohmann/json.hpp>

#include "cmd/trace/info_summary.h"
#include "engine/report/json.h"
#include "engine/strategy/own.h"

namespace anonvma::cmd {
namespace {

Json machine_json(const Meta& meta) {
  Json caches = Json::array();
  for (std::size_t i = 0; i < meta.caches.size(); ++i) {
    const CacheSpec& cache = meta.caches[i];
    if (cache.objsize == 0) continue;
    caches.push_back({{"cache", cache.name},
                      {"objsize", cache.objsize},
                      {"objperslab", cache.objperslab},
                      {"pagesperslab", cache.pagesperslab},
                      {"struct_size", meta.struct_sizes[i]}});
  }
  return {{"kernel", meta.release},
          {"machine", meta.machine},
          {"page_size", meta.page_size},
          {"cpus", meta.cpus},
          {"thp", meta.thp_mode},
          {"overcommit", meta.overcommit},
          {"stack_guard_pages", meta.stack_guard_pages},
          {"huge_page_bytes", meta.huge_page_bytes},
          {"caches", std::move(caches)},
          {"own_strategy", own_strategy(meta)},
          {"behaviours", meta.behaviours}};
}

Json recording_json(const Summary& s) {
  Json json = {{"tool_version", s.meta.tool_version},
               {"scope", s.meta.scope},
               {"cgroup", s.meta.cgroup},
               {"command", s.meta.command},
               {"faults", s.meta.faults},
               {"truth", s.meta.truth},
               {"start_unix_ns", s.meta.start_unix_ns},
               {"duration_ns", s.duration_ns()},
               {"complete", !s.damage}};
  if (!s.meta.tier.empty()) json["tier"] = s.meta.tier;
  if (!s.meta.reader.empty())
    json["reader"] = s.meta.reader, json["ring_bytes"] = s.meta.ring_bytes;
  if (s.meta.anonymized) json["anonymized"] = true;
  if (s.meta.cut != CutInfo{}) json["slice"] = slice_json(s.meta.cut);
  if (s.meta.part > 0) json["series"] = s.meta.series, json["part"] = s.meta.part;
  if (!s.end) return json;
  if (s.meta.part > 0) json["continued"] = s.end->continued;
  if (!s.end->trigger.empty()) json["trigger"] = s.end->trigger;
  json["recursion_misses"] = s.end->recursion_misses;
  json["processes_at_attach"] = s.end->processes_at_attach;
  json["relatives_at_attach"] = s.end->relatives_at_attach;
  json["unreadable_processes"] = s.end->unreadable_processes;
  json["torn_at_attach"] = s.end->torn_at_attach;
  json["unread_writes"] = s.end->unread_writes;
  json["unseen_writers"] = s.end->unseen_writers;
  json["spilled_bytes"] = s.end->spilled_bytes;
  json["command_status"] = s.end->command_status;
  json["raw_bytes"] = s.end->raw_bytes;
  json["repaired"] = s.end->repaired;
  json["missing_chunks"] = s.end->missing_chunks;
  return json;
}

}  // namespace

std::string info_json(const Summary& s) {
  Json by_type = Json::object();
  for (const auto& [type, count] : s.by_type) by_type[type] = count;
  Json json = {{"schema", "anonvma.info/1"},
               {"path", s.path},
               {"hash", s.hash},
               {"bytes", s.bytes},
               {"bytes_per_event", s.bytes_per_event()},
               {"chunks", s.chunks},
               {"skipped", s.skipped_records + s.skipped_chunks},
               {"skipped_records", s.skipped_records},
               {"skipped_chunks", s.skipped_chunks},
               {"unknown_compat_bits", s.unknown_compat},
               {"full", s.full},
               {"events", s.events},
               {"lost", s.lost},
               {"events_by_type", std::move(by_type)}};
  json.update(machine_json(s.meta));
  json.update(recording_json(s));
  if (s.damage) json["error"] = {{"message", s.damage->message}, {"offset", s.damage->offset}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anonvma::cmd
