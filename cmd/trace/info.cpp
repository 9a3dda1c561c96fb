// anonvma info FILE: describes a trace, and says whether all of it is there.
#include <algorithm>
#include <array>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/open_trace.h"
#include "cmd/messages.h"
#include "cmd/progress.h"
#include "cmd/screen.h"
#include "cmd/trace/info_summary.h"
#include "engine/trace/format.h"
#include "engine/trace/outline.h"
#include "engine/trace/reader.h"

namespace anonvma::cmd {
namespace {

struct InfoOptions {
  std::string file;
  bool json = false;
  ScreenOptions screen;
};

Summary read_all(TraceReader& reader, const ReadProgress& progress) {
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
    progress(summary.events, reader.bytes_read());
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

// A pipe has no end to look at yet: it is read as it comes.
Result<Summary> summarize(const InfoOptions& options) {
  Result<OpenTrace> trace = open_trace(options.file, ReadTimes::once);
  if (!trace) return trace.error();
  const std::span<const std::byte> file = trace->file.bytes();
  if (!options.screen.full && !trace->reader.is_live())
    if (const auto outline = read_outline(file)) {
      Summary summary = from_outline(*outline);
      summary.bytes = file.size();
      return summary;
    }
  Progress progress(shown_path(options.file), trace->total_bytes);
  Summary summary = read_all(trace->reader, [&](std::uint64_t events, std::uint64_t bytes) {
    progress.show(events, bytes);
  });
  summary.bytes = trace->reader.bytes();
  return summary;
}

int run_info(const InfoOptions& options) {
  Result<Summary> summary = summarize(options);
  if (!summary) return fail(summary.error());
  summary->path = shown_path(options.file);
  const std::string text = options.json          ? info_json(*summary)
                           : options.screen.full ? info_text(*summary)
                                                 : info_brief(*summary, screen_of(options.screen));
  const int printed = show_result(text, options.screen);
  if (!summary->damage) return printed;
  return first_that_applies(printed, fail(in_file(summary->path, *summary->damage)));
}

}  // namespace

void add_info(CommandLine& line) {
  const auto [command, options] =
      line.add("info", "What a trace holds and where it was recorded", run_info);
  command.option("FILE", options.file, "Trace; - is standard input").required();
  add_screen_options(command, options.screen,
                     "Read every chunk, not only the header and the end, and print all lines");
  command.flag("--json", options.json, "Print JSON");
  command.footer("Examples:\n  anonvma info make.trace\n  anonvma info make.trace --full --json");
}

}  // namespace anonvma::cmd
