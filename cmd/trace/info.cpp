// anonvma info FILE: describes a trace, and says whether all of it is there.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/mapped_file.h"
#include "cmd/messages.h"
#include "engine/report/grid.h"
#include "engine/strategy/own.h"
#include "engine/trace/format.h"
#include "engine/trace/outline.h"
#include "engine/trace/reader.h"
#include "engine/vma/kernel_rules.h"

namespace anonvma::cmd {
namespace {

struct InfoOptions {
  std::string file;
  bool full = false;  // read every chunk
  bool json = false;
};

// Everything that info prints about one file, as far as the file could be read.
struct Summary {
  std::string path;
  Meta meta;
  std::optional<EndInfo> end;
  std::optional<Error> damage;
  bool full = false;  // every chunk was read
  std::uint64_t bytes = 0, chunks = 0, events = 0, lost = 0;
  std::uint64_t skipped_chunks = 0, skipped_records = 0;
  std::uint64_t last_ns = 0;
  std::uint32_t unknown_compat = 0;
  std::vector<std::pair<std::string, std::uint64_t>> by_type;  // in the order of their numbers
  std::string hash;

  double bytes_per_event() const {
    return events == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(events);
  }
  // For a file that was cut short, the time of its last event.
  std::uint64_t duration_ns() const { return end ? end->duration_ns : last_ns; }
};

Summary read_all(TraceReader& reader) {
  Summary summary;
  summary.full = true;
  std::array<std::uint64_t, 256> by_type{};
  for (;;) {
    const auto events = reader.next();
    if (!events) summary.damage = events.error();
    if (!events || events->empty()) break;
    summary.events += events->size();
    for (const Event& event : *events) {
      ++by_type[static_cast<std::uint8_t>(type_of(event.body))];
      summary.last_ns = std::max(summary.last_ns, event.head.time_ns);
      if (const auto* lost = std::get_if<Lost>(&event.body)) summary.lost += lost->count;
    }
  }
  for (std::size_t type = 0; type < by_type.size(); ++type)
    if (by_type[type] != 0)
      summary.by_type.emplace_back(name_of(static_cast<EventType>(type)), by_type[type]);
  summary.meta = reader.meta();
  summary.end = reader.end();
  summary.chunks = reader.chunks();
  summary.skipped_chunks = reader.skipped_chunks();
  summary.skipped_records = reader.skipped_records();
  summary.unknown_compat = reader.compat() & ~format::kKnownCompat;
  summary.hash = reader.hash();
  return summary;
}

// The same numbers as the recorder counted them.
Summary from_outline(const Outline& outline) {
  Summary summary;
  summary.meta = outline.meta;
  summary.end = outline.end;
  summary.chunks = outline.chunks;
  summary.skipped_chunks = outline.skipped_chunks;
  summary.skipped_records = outline.skipped_records;
  summary.events = outline.end.events - outline.skipped_records;
  summary.lost = outline.end.lost;
  summary.unknown_compat = outline.compat & ~format::kKnownCompat;
  summary.hash = outline.hash;
  for (int type = 1; type < 256; ++type) {
    const auto count = count_of(outline.end.events_by_type, static_cast<std::uint8_t>(type));
    if (count != 0) summary.by_type.emplace_back(name_of(static_cast<EventType>(type)), count);
  }
  return summary;
}

Result<Summary> summarize(std::span<const std::byte> file, bool full) {
  if (!full)
    if (const auto outline = read_outline(file)) return from_outline(*outline);
  auto reader = TraceReader::open(file);
  if (!reader) return reader.error();
  return read_all(*reader);
}

std::string_view or_unknown(std::string_view text) { return text.empty() ? "unknown" : text; }

std::string start_time(std::uint64_t unix_ns) {
  if (unix_ns == 0) return "unknown";
  const auto seconds = static_cast<std::time_t>(unix_ns / 1'000'000'000);
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(seconds));
}

class Text {
 public:
  template <class... T>
  void line(std::string_view label, fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(out_), "{:<18} {}\n", label,
                   printable(fmt::format(format, std::forward<T>(values)...)));
  }
  const std::string& str() const { return out_; }

 private:
  std::string out_;
};

void machine_lines(Text& text, const Meta& meta) {
  text.line("kernel", "{} {}", or_unknown(meta.release), meta.machine);
  text.line("own strategy", "{}", or_unknown(own_strategy(meta)));
  if (const std::string unlike = unlike_release(meta); !unlike.empty())
    text.line("behaves", "unlike its release: {}", unlike);
  text.line("page size", "{}", meta.page_size);
  text.line("cpus", "{}", meta.cpus);
  text.line("thp", "{}", or_unknown(meta.thp_mode));
  text.line("overcommit", "{}", meta.overcommit);
  if (meta.stack_guard_pages != Meta{}.stack_guard_pages)
    text.line("stack guard", "{} pages", meta.stack_guard_pages);
  if (meta.huge_page_bytes != Meta{}.huge_page_bytes)
    text.line("huge page", "{} bytes", meta.huge_page_bytes);
  for (const CacheSpec& cache : meta.caches) {
    if (cache.objsize == 0) continue;
    text.line("slab", "{}: objsize {}, {} per slab of {} pages", cache.name, cache.objsize,
              cache.objperslab, cache.pagesperslab);
  }
}

void recording_lines(Text& text, const Summary& s) {
  text.line("scope", "{}", or_unknown(s.meta.scope));
  if (!s.meta.cgroup.empty()) text.line("cgroup", "{}", s.meta.cgroup);
  if (!s.meta.command.empty()) text.line("command", "{}", fmt::join(s.meta.command, " "));
  text.line("faults", "{}{}", or_unknown(s.meta.faults), s.meta.truth ? ", with truth lane" : "");
  if (!s.meta.tier.empty()) text.line("accuracy", "{}", s.meta.tier);
  if (!s.meta.reader.empty())
    text.line("ring", "{:.1f} MiB, its reader {}",
              static_cast<double>(s.meta.ring_bytes) / (1 << 20), s.meta.reader);
  if (s.meta.anonymized) text.line("anonymized", "names, ids and addresses are pseudonyms");
  if (const CutInfo& cut = s.meta.cut; cut != CutInfo{}) {
    text.line("slice", "{:.6f} s to {:.6f} s, events {} to {} of trace {}",
              static_cast<double>(cut.from_ns) / 1e9, static_cast<double>(cut.to_ns) / 1e9,
              cut.first_event, cut.end_event, or_unknown(cut.source));
    for (const std::string& note : cut.notes) text.line("", "{}", note);
  }
  text.line("recorded by", "anonvma {}", or_unknown(s.meta.tool_version));
  if (s.meta.part > 0) text.line("part", "{} of recording {}", s.meta.part, s.meta.series);
  text.line("started", "{}", start_time(s.meta.start_unix_ns));
  text.line("duration", "{:.3f} s", static_cast<double>(s.duration_ns()) / 1e9);
  if (!s.end) return;
  text.line("recursion misses", "{}", s.end->recursion_misses);
  text.line("processes", "{} at start, {} unreadable, {} never held still",
            s.end->processes_at_attach, s.end->unreadable_processes, s.end->torn_at_attach);
  if (s.end->relatives_at_attach > 0)
    text.line("relatives", "{} of them share anon_vmas with the processes of --pid",
              s.end->relatives_at_attach);
  for (const auto& [call, count] : s.end->unseen_writers)
    text.line("unseen writer", "{}: {} write acquires outside every recorded call", call, count);
  if (s.end->unread_writes > 0)
    text.line("unread", "{} address spaces ended before an unseen change was read",
              s.end->unread_writes);
  if (s.end->repaired)
    text.line("repaired", "{} chunks were missing; lost counts what was in them",
              s.end->missing_chunks);
  if (s.end->command_status >= 0) text.line("command status", "{}", s.end->command_status);
  if (s.end->continued) text.line("continued", "by the next part");
  if (!s.end->trigger.empty()) text.line("written because", "{}", s.end->trigger);
}

std::string skipped_words(const Summary& s) {
  if (s.skipped_records + s.skipped_chunks == 0) return "";
  return fmt::format(": {} records and {} chunks of kinds newer than this program",
                     s.skipped_records, s.skipped_chunks);
}

std::string as_text(const Summary& s) {
  Text text;
  text.line("file", "{}", s.path);
  if (!s.full) text.line("read", "its header and its end; --full reads and checks all of it");
  text.line("hash", "{}{}", s.hash, s.damage ? " (of the readable part)" : "");
  machine_lines(text, s.meta);
  recording_lines(text, s);
  text.line("bytes", "{} in {} chunks, {:.2f} per event", s.bytes, s.chunks, s.bytes_per_event());
  text.line("lost", "{}", s.lost);
  text.line("skipped", "{}{}", s.skipped_records + s.skipped_chunks, skipped_words(s));
  if (s.unknown_compat != 0)
    text.line("compat bits", "{:#x}, which this program does not know", s.unknown_compat);
  text.line("events", "{}", s.events);
  for (const auto& [type, count] : s.by_type) text.line("  " + type, "{}", count);
  return text.str();
}

using Json = nlohmann::ordered_json;

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
  if (const CutInfo& cut = s.meta.cut; cut != CutInfo{})
    json["slice"] = {{"source", cut.source},       {"first_event", cut.first_event},
                     {"end_event", cut.end_event}, {"from_ns", cut.from_ns},
                     {"to_ns", cut.to_ns},         {"notes", cut.notes}};
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

std::string as_json(const Summary& s) {
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

int run_info(const InfoOptions& options) {
  const auto file = MappedFile::open(options.file);
  if (!file) return fail(file.error());
  Result<Summary> summary = summarize(file->bytes(), options.full);
  if (!summary) return fail(in_file(options.file, summary.error()));
  summary->path = options.file;
  summary->bytes = file->bytes().size();
  const int printed = print_result(options.json ? as_json(*summary) : as_text(*summary));
  if (!summary->damage) return printed;
  return first_that_applies(printed, fail(in_file(options.file, *summary->damage)));
}

}  // namespace

void add_info(CommandLine& line) {
  const auto [command, options] =
      line.add("info", "What a trace holds and where it was recorded", run_info);
  command.option("FILE", options.file, "Trace").required();
  command.flag("--full", options.full, "Read every chunk, not only the header and the end");
  command.flag("--json", options.json, "Print JSON");
  command.footer("Examples:\n  anonvma info make.trace\n  anonvma info make.trace --full --json");
}

}  // namespace anonvma::cmd
