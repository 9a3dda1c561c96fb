// All lines of `info`.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

#include "cmd/trace/info_summary.h"
#include "engine/report/grid.h"
#include "engine/strategy/own.h"
#include "engine/vma/kernel_rules.h"

namespace anonvma::cmd {
namespace {

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

}  // namespace

std::string_view or_unknown(std::string_view text) { return text.empty() ? "unknown" : text; }

std::string start_time(std::uint64_t unix_ns) {
  if (unix_ns == 0) return "unknown";
  const auto seconds = static_cast<std::time_t>(unix_ns / 1'000'000'000);
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(seconds));
}

std::string info_text(const Summary& s) {
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

}  // namespace anonvma::cmd
