#include "engine/trace/meta.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "engine/release.h"

namespace anonvma {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kMaxDepth = 4;  // of nested values; deeper values are dropped unread

// The one list of keys of each object, for both directions.
template <class M, class Visit>
void each_key(M& spec, Visit&& visit) requires std::is_same_v<std::remove_const_t<M>, CacheSpec> {
  visit("name", spec.name);
  visit("objsize", spec.objsize);
  visit("objperslab", spec.objperslab);
  visit("pagesperslab", spec.pagesperslab);
}

template <class M, class Visit>
void each_key(M& cut, Visit&& visit) requires std::is_same_v<std::remove_const_t<M>, CutInfo> {
  visit("source", cut.source);
  visit("first_event", cut.first_event);
  visit("end_event", cut.end_event);
  visit("from_ns", cut.from_ns);
  visit("to_ns", cut.to_ns);
  visit("notes", cut.notes);
}

template <class M, class Visit>
void each_key(M& meta, Visit&& visit) requires std::is_same_v<std::remove_const_t<M>, Meta> {
  visit("tool_version", meta.tool_version);
  visit("release", meta.release);
  visit("machine", meta.machine);
  visit("page_size", meta.page_size);
  visit("cpus", meta.cpus);
  visit("boot_id_hash", meta.boot_id_hash);
  visit("start_unix_ns", meta.start_unix_ns);
  visit("thp_mode", meta.thp_mode);
  visit("overcommit", meta.overcommit);
  visit("stack_guard_pages", meta.stack_guard_pages);
  visit("huge_page_bytes", meta.huge_page_bytes);
  visit("caches", meta.caches);
  visit("struct_sizes", meta.struct_sizes);
  visit("anon_vma_members", meta.anon_vma_members);
  visit("anon_vma_clone_args", meta.anon_vma_clone_args);
  visit("vma_free_rcu", meta.vma_free_rcu);
  visit("behaviours", meta.behaviours);
  visit("scope", meta.scope);
  visit("faults", meta.faults);
  visit("truth", meta.truth);
  visit("tier", meta.tier);
  visit("command", meta.command);
  visit("cgroup", meta.cgroup);
  visit("ring_bytes", meta.ring_bytes);
  visit("reader", meta.reader);
  visit("series", meta.series);
  visit("part", meta.part);
  visit("anonymized", meta.anonymized);
  visit("cut", meta.cut);
}

template <class M, class Visit>
void each_key(M& end, Visit&& visit) requires std::is_same_v<std::remove_const_t<M>, EndInfo> {
  visit("duration_ns", end.duration_ns);
  visit("events", end.events);
  visit("lost", end.lost);
  visit("recursion_misses", end.recursion_misses);
  visit("processes_at_attach", end.processes_at_attach);
  visit("relatives_at_attach", end.relatives_at_attach);
  visit("unreadable_processes", end.unreadable_processes);
  visit("torn_at_attach", end.torn_at_attach);
  visit("unread_writes", end.unread_writes);
  visit("unseen_writers", end.unseen_writers);
  visit("spilled_bytes", end.spilled_bytes);
  visit("command_status", end.command_status);
  visit("continued", end.continued);
  visit("trigger", end.trigger);
  visit("events_by_type", end.events_by_type);
  visit("events_chunks", end.events_chunks);
  visit("raw_bytes", end.raw_bytes);
  visit("repaired", end.repaired);
  visit("missing_chunks", end.missing_chunks);
}

template <class T>
Json object_of(const T& value);

template <class T>
Json json_of(const T& value) {
  return value;
}
Json json_of(const std::array<CacheSpec, kNumCaches>& caches) {
  Json array = Json::array();
  for (const CacheSpec& spec : caches) array.push_back(object_of(spec));
  return array;
}

Json json_of(const CutInfo& cut) { return object_of(cut); }

// Keys at their default are left out: readers restore the default.
template <class T>
Json object_of(const T& value) {
  Json object = Json::object();
  T defaults;
  std::vector<Json> plain;
  each_key(defaults, [&](const char*, const auto& member) { plain.push_back(json_of(member)); });
  std::size_t at = 0;
  each_key(value, [&](const char* key, const auto& member) {
    Json json = json_of(member);
    if (json != plain[at++]) object[key] = std::move(json);
  });
  return object;
}

template <class T>
std::string text_of(const T& value) {
  // A command line need not be UTF-8; invalid bytes become U+FFFD.
  return object_of(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool take(const Json& json, std::string& out) {
  if (json.is_string()) out = json.get_ref<const std::string&>();
  return json.is_string();
}
bool take(const Json& json, bool& out) {
  if (json.is_boolean()) out = json.get<bool>();
  return json.is_boolean();
}
template <class T>
bool take(const Json& json, T& out) requires std::is_integral_v<T> {
  if (json.is_number_unsigned()) {
    const auto value = json.get<std::uint64_t>();
    if (value > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return false;
    out = static_cast<T>(value);
    return true;
  }
  if (!std::is_signed_v<T> || !json.is_number_integer()) return false;
  out = static_cast<T>(json.get<std::int64_t>());
  return true;
}

template <class T>
Result<T> parse_object(const Json& json, std::string_view what);

bool take(const Json& json, std::vector<std::string>& out);

bool take(const Json& json, CacheSpec& out) {
  Result<CacheSpec> spec = parse_object<CacheSpec>(json, "cache");
  if (spec) out = *spec;
  return static_cast<bool>(spec);
}
bool take(const Json& json, CutInfo& out) {
  Result<CutInfo> cut = parse_object<CutInfo>(json, "cut");
  if (cut) out = *cut;
  return static_cast<bool>(cut);
}
// Cuts a newer writer's longer array to the length that this program knows.
template <class T, std::size_t N>
bool take(const Json& json, std::array<T, N>& out) {
  if (!json.is_array()) return false;
  const std::size_t count = std::min(json.size(), N);
  for (std::size_t i = 0; i < count; ++i) {
    if (!take(json[i], out[i])) return false;
  }
  return true;
}
bool take(const Json& json, std::vector<std::string>& out) {
  if (!json.is_array()) return false;
  for (const Json& item : json) {
    if (!take(item, out.emplace_back())) return false;
  }
  return true;
}

// A newer writer may give a behaviour other values than true or false; this program drops them.
bool take(const Json& json, Behaviours& out) {
  if (!json.is_object()) return false;
  for (const auto& [name, value] : json.items()) {
    if (out.size() == kMaxBehaviours) break;
    if (value.is_boolean()) out[name] = value.get<bool>();
  }
  return true;
}

bool take(const Json& json, EventCounts& out) {
  if (!json.is_object()) return false;
  for (const auto& [name, value] : json.items()) {
    if (out.size() == kMaxEventTypes) break;
    if (!take(value, out[name])) return false;
  }
  return true;
}

template <class T>
Result<T> parse_object(const Json& json, std::string_view what) {
  if (!json.is_object())
    return Error{ErrorCode::bad_trace, std::string(what) + " is not a JSON object"};
  T value;
  std::string wrong;
  each_key(value, [&](const char* key, auto& member) {
    const auto found = json.find(key);
    if (found != json.end() && !take(*found, member) && wrong.empty()) wrong = key;
  });
  if (wrong.empty()) return value;
  return Error{ErrorCode::bad_trace, std::string(what) + ": value of \"" + wrong +
                                         "\" has the wrong type or is out of range"};
}

template <class T>
Result<T> parse(std::string_view text, std::string_view what) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kMaxDepth; };
  return parse_object<T>(Json::parse(text, shallow, /*allow_exceptions=*/false), what);
}

}  // namespace

std::string to_json(const Meta& meta) { return text_of(meta); }
std::string to_json(const EndInfo& end) { return text_of(end); }
Result<Meta> parse_meta(std::string_view json) { return parse<Meta>(json, "header"); }
Result<EndInfo> parse_end_info(std::string_view json) { return parse<EndInfo>(json, "end"); }

}  // namespace anonvma
