// anonvma dump FILE: every event as a line of text or of JSON.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/open_trace.h"
#include "cmd/messages.h"
#include "cmd/progress.h"
#include "cmd/screen.h"
#include "cmd/trace/dump_filter.h"
#include "cmd/trace/window.h"
#include "engine/trace/reader.h"
#include "engine/trace/text.h"

namespace anonvma::cmd {
namespace {

struct DumpOptions {
  std::string file;
  bool json = false;
  DumpFilter::Options only;
  ScreenOptions screen;
};

constexpr std::size_t kBufferBytes = 1 << 16;

// A stream, written in large pieces.
class Lines {
 public:
  explicit Lines(std::FILE* stream) : stream_(stream) {}
  void add(std::string_view line) {
    buffer_.append(line).push_back('\n');
    if (buffer_.size() >= kBufferBytes) write();
  }
  void flush() { write(); }
  // True if a write has failed: further lines are lost.
  bool closed() const { return error_ != 0; }
  // Writes the rest; returns an ExitStatus. A reader that closes the pipe (`head`) is no error.
  int finish() {
    write();
    if (error_ == 0 || error_ == EPIPE) return kOk;
    return fail({ErrorCode::io, fmt::format("standard output: {}", std::strerror(error_))});
  }

 private:
  void write() {
    if (error_ == 0 && (std::fwrite(buffer_.data(), 1, buffer_.size(), stream_) != buffer_.size() ||
                        std::fflush(stream_) != 0))
      error_ = errno != 0 ? errno : EIO;
    buffer_.clear();
  }

  std::FILE* stream_;
  std::string buffer_;
  int error_ = 0;
};

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || c == '"' || c == '\\')
      out += fmt::format("\\u{:04x}", byte);
    else
      out.push_back(c);
  }
  return out + '"';
}

std::string opening(const Meta& meta, bool json) {
  if (!json)
    return fmt::format("# anonvma trace release={} machine={} page_size={} faults={}",
                       one_line(meta.release), one_line(meta.machine), meta.page_size,
                       one_line(meta.faults));
  return fmt::format(
      "{{\"schema\":\"anonvma.dump/"
      "1\",\"release\":{},\"machine\":{},\"page_size\":{},\"faults\":{}}}",
      json_string(meta.release), json_string(meta.machine), meta.page_size,
      json_string(meta.faults));
}

// More than the time by which events may be out of order.
constexpr std::uint64_t kJitterNs = 1'000'000'000;

// Jumps to the first chunk that may have events of --from.
void seek(TraceReader& reader, const DumpOptions& options, const DumpFilter& filter) {
  if (!options.only.from_s || filter.comms() || reader.is_live()) return;
  const auto from_ns = static_cast<std::uint64_t>(*options.only.from_s * 1e9);
  if (!reader.seek_time(from_ns - std::min(from_ns, kJitterNs)))
    spdlog::warn("{}: its index is missing or damaged: reading it from the start", options.file);
}

// True if no event of the window can follow a chunk that begins with `event`.
bool is_past(const Event& event, const DumpOptions& options) {
  return options.only.to_s &&
         event.head.time_ns > static_cast<std::uint64_t>(*options.only.to_s * 1e9) + kJitterNs;
}

// Adds the events to `lines`, up to the end of the trace or of the window. Progress is shown unless the
// lines go to the same terminal.
Status dump_events(TraceReader& reader, const DumpOptions& options, std::uint64_t total_bytes,
                   Lines& lines) {
  DumpFilter filter(options.only);
  seek(reader, options, filter);
  lines.add(opening(reader.meta(), options.json));
  const auto print = [&](const std::vector<Event>& events) {
    for (const Event& event : events)
      lines.add(options.json ? format_json(event) : format_text(event));
  };
  std::optional<Progress> progress;
  if (!isatty(STDOUT_FILENO)) progress.emplace(shown_path(options.file), total_bytes);
  Status status = ok();
  while (!lines.closed()) {
    const auto events = reader.next();
    if (!events) status = events.error();
    if (!events || events->empty() || is_past(events->front(), options)) break;
    for (const Event& event : *events) {
      if (lines.closed()) break;
      print(filter.pass(event));
    }
    if (progress) progress->show(reader.position(), reader.bytes_read());
    if (reader.is_live()) lines.flush();
  }
  print(filter.finish());
  return status;
}

int run_dump(const DumpOptions& options) {
  if (options.only.from_s && options.only.to_s && *options.only.from_s > *options.only.to_s)
    return fail({ErrorCode::usage, "--from is behind --to"});
  Result<OpenTrace> trace = open_trace(options.file, ReadTimes::once);
  if (!trace) return fail(trace.error());
  std::signal(SIGPIPE, SIG_IGN);  // EPIPE says the same and allows a normal end
  const std::unique_ptr<Pager> pager = pager_of(options.screen);
  Lines lines(pager ? pager->stream() : stdout);
  const Status read = dump_events(trace->reader, options, trace->total_bytes, lines);
  const int status = lines.finish();
  if (pager) pager->close();
  if (read) return status;
  return status == kOk ? fail(in_file(shown_path(options.file), read.error()))
                       : first_that_applies(status, exit_status(read.error().code));
}

}  // namespace

void add_dump(CommandLine& line) {
  const auto [command, options] = line.add("dump", "Print a trace, one event per line", run_dump);
  command.option("FILE", options.file, "Trace; - is standard input").required();
  command.flag("--json", options.json, "Print JSON lines");
  add_window(command, options.only.from_s, options.only.to_s);
  command.option("--mm", options.only.mms, "Only what concerns this address space; may be repeated")
      .one_each();
  command
      .option("--comm", options.only.comms,
              "Only processes of this name (reads the trace from its start); may be repeated")
      .one_each();
  add_no_pager(command, options.screen);
  command.footer(
      "Events may be out of order by a little: those up to a second late are found.\n\n"
      "Examples:\n  anonvma dump make.trace | grep ' fork '\n"
      "  anonvma dump make.trace --from 2.5 --to 2.6 --mm 17");
}

}  // namespace anonvma::cmd
