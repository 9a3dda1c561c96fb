// anonvma record: attach, drain until a signal, the duration or the command's end, finish the file.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <ctime>

#include "cmd/child.h"
#include "cmd/commands.h"
#include "cmd/messages.h"
#include "cmd/output_file.h"

#if ANONVMA_HAVE_RECORDER

#include <signal.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "engine/trace/writer.h"
#include "tracers/capability.h"
#include "tracers/machine.h"
#include "tracers/probe.h"
#include "tracers/recorder.h"

namespace anonvma::cmd {
namespace {

constexpr std::uint64_t kPollNs = 16'000'000;  // each look at the ring costs some microseconds
constexpr std::uint64_t kBurst = 256;          // bytes per microsecond that a ring has to take
constexpr std::uint64_t kFlushNs = 1'000'000'000;
constexpr std::uint64_t kProgressNs = 500'000'000;
constexpr std::uint64_t kGraceNs = 3'000'000'000;  // for the command, after a signal

// The signals that end a recording are taken here instead of being delivered: no handler, and
// waiting for one is also how the loop sleeps.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set_, signal);
    sigprocmask(SIG_BLOCK, &set_, &before_);
    signal(SIGPIPE, SIG_IGN);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  // The signal that came within `ns`, or 0. A child's end only wakes up.
  int wait(long ns) const {
    const timespec timeout{0, ns};
    const int signal = sigtimedwait(&set_, nullptr, &timeout);
    return signal > 0 && signal != SIGCHLD ? signal : 0;
  }

 private:
  sigset_t set_;
  sigset_t before_;
};

std::string default_name() {
  return fmt::format("anonvma-{:%Y%m%d-%H%M%S}.trace", fmt::localtime(std::time(nullptr)));
}

// In bytes. ANONVMA_RING_KIB is for tests, which want losses.
std::uint64_t ring_bytes(const RecordOptions& options) {
  const char* const kib = std::getenv("ANONVMA_RING_KIB");
  if (kib == nullptr) return options.ring_mib << 20;
  return std::bit_ceil(std::clamp<std::uint64_t>(std::strtoull(kib, nullptr, 10), 4, 1u << 20))
         << 10;
}

Meta make_meta(const RecordOptions& options) {
  Meta meta = describe_machine();
  meta.tool_version = ANONVMA_VERSION;
  meta.scope = !options.command.empty() ? "command" : !options.pids.empty() ? "pid" : "system";
  meta.faults = options.faults;
  meta.truth = options.truth;
  meta.command = options.command;
  meta.ring_bytes = ring_bytes(options);
  return meta;
}

Behaviours observed_behaviours() {
  const Result<Behaviours> observed = probe_behaviours();
  if (observed) return *observed;
  spdlog::warn("{}: the release alone will tell how it merges vmas", observed.error().message);
  return {};
}

RecorderOptions make_options(const RecordOptions& options, pid_t command) {
  RecorderOptions out;
  out.faults = options.faults == "first" ? ANONVMA_FAULTS_FIRST
               : options.faults == "all" ? ANONVMA_FAULTS_ALL
                                         : ANONVMA_FAULTS_WRITE;
  out.truth = options.truth;
  out.ring_bytes = ring_bytes(options);
  out.pids = options.pids;
  out.command_tgid = static_cast<std::uint32_t>(std::max(command, 0));
  return out;
}

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

// One recording under way.
struct Session {
  const RecordOptions& options;
  Recorder& recorder;
  TraceWriter& writer;
  Child* child;  // null: no command
  bool show;     // progress on a terminal
  bool interrupted = false;
  std::uint64_t flushed_at = 0, shown_at = 0, shown_events = 0, signal_at = 0;

  void progress(std::uint64_t now) {
    if (!show || now - shown_at < kProgressNs) return;
    const std::uint64_t events = writer.events();
    const double rate = static_cast<double>(events - shown_events) * 1e9 /
                        static_cast<double>(std::max<std::uint64_t>(now - shown_at, 1));
    fmt::print(stderr, "\r{} events, {:.0f}/s, {}, lost {}   ", events, rate,
               megabytes(writer.bytes()), recorder.counts().lost);
    std::fflush(stderr);
    shown_at = now;
    shown_events = events;
  }

  // True when it is time to stop.
  bool done(int signal, std::uint64_t now) {
    const bool over =
        options.duration_s > 0 && static_cast<double>(now) >= options.duration_s * 1e9;
    if (!child) return signal != 0 || over;
    if (child->ended()) return true;
    if ((signal != 0 || over) && signal_at == 0) {
      // The command gets it too, and a little time: its end belongs into the trace.
      interrupted = signal != 0;
      signal_at = now;
      child->send(signal != 0 ? signal : SIGTERM);
    } else if (signal != 0) {
      return true;
    }
    return signal_at != 0 && now - signal_at > kGraceNs;
  }

  Status run(const Signals& signals) {
    const std::uint64_t poll = std::min(kPollNs, (options.ring_mib << 20) / kBurst * 1000);
    for (int signal = 0;;) {
      if (const Status s = recorder.poll(); !s) return s;
      const std::uint64_t now = recorder.elapsed_ns();
      if (now - flushed_at > kFlushNs) {
        if (const Status s = writer.flush(); !s) return s;
        flushed_at = now;
      }
      progress(now);
      if (done(signal, now)) return ok();
      signal = signals.wait(static_cast<long>(poll));
    }
  }
};

void summarise(const Session& session, const EndInfo& end, const std::string& path) {
  if (session.show) fmt::print(stderr, "\r{:60}\r", "");
  const RecorderCounts& counts = session.recorder.counts();
  const bool quiet = session.options.quiet;
  if (session.child && !session.child->ended())
    spdlog::warn("command: still running");
  else if (session.child && (!quiet || session.child->status() != 0))
    spdlog::info("command: {}", describe_status(session.child->status()));
  if (quiet && end.lost == 0) return;
  spdlog::info("{}: {} events, {}, {:.1f} s, lost {}, unreadable processes {} of {}", path,
               session.writer.events(), megabytes(session.writer.bytes()),
               static_cast<double>(end.duration_ns) / 1e9, end.lost, end.unreadable_processes,
               end.processes_at_attach);
  if (end.lost > 0)
    spdlog::warn("events were lost: record with a larger --ring-mib, or without --faults all");
  if (counts.malformed > 0) spdlog::warn("{} malformed records", counts.malformed);
}

Status check_privilege() {
  const std::vector<std::string> missing = missing_capabilities();
  if (missing.empty()) return ok();
  return Error{ErrorCode::no_privilege, fmt::format("recording needs {}: run it as root, with sudo",
                                                    fmt::join(missing, " and "))};
}

Status finish(Session& session, OutputFile& file, EndInfo& end) {
  Status status = session.recorder.finish();
  const RecorderCounts& counts = session.recorder.counts();
  end.duration_ns = session.recorder.elapsed_ns();
  end.lost = counts.lost;
  end.recursion_misses = counts.recursion_misses;
  end.processes_at_attach = counts.processes;
  end.unreadable_processes = counts.unreadable;
  if (session.child && session.child->ended()) end.command_status = session.child->status();
  if (const Status s = session.writer.finish(end); !s && status) status = s;
  if (const Status s = file.close(); !s && status) status = s;
  return status;
}

// The child that will be the command, held until release(); none without a command.
Result<std::optional<Child>> make_child(const RecordOptions& options) {
  std::optional<Child> child;
  if (options.command.empty()) return child;
  Result<Child> forked = Child::fork(options.command);
  if (!forked) return forked.error();
  child.emplace(std::move(*forked));
  return child;
}

// Runs an attached recorder to its end; the exit status, or the error that ended it.
Result<int> run_session(Session& session, OutputFile& file, const Signals& signals) {
  if (session.child) {
    if (const Status s = session.child->release(); !s) {
      file.discard();
      return s.error();
    }
  }
  Status status = session.run(signals);
  EndInfo end;
  if (const Status s = finish(session, file, end); !s && status) status = s;
  if (!status) return status.error();
  summarise(session, end, file.path());
  if (session.interrupted) return static_cast<int>(kInterrupted);
  return static_cast<int>(end.lost > 0 ? kEventsLost : kOk);
}

// Everything after the command line.
Result<int> record(const RecordOptions& options) {
  const Signals signals;
  if (const Status s = check_privilege(); !s) return s.error();
  const Behaviours behaviours = observed_behaviours();  // while nothing is recorded
  auto file =
      OutputFile::create(options.output.empty() ? default_name() : options.output, options.force);
  if (!file) return file.error();
  auto child = make_child(options);
  if (!child) return child.error();

  // The header is written first, but not before the programs are known to load: the recorder's
  // first events wait for the writer.
  std::optional<TraceWriter> writer;
  std::vector<Event> early;
  const auto sink = [&](const Event& event) -> Status {
    if (writer) return writer->add(event);
    early.push_back(event);
    return ok();
  };
  auto recorder = Recorder::start(make_options(options, *child ? (*child)->pid() : 0), sink);
  if (!recorder) return recorder.error();
  Meta meta = make_meta(options);
  meta.behaviours = behaviours;
  if (!(*recorder)->sees_faults()) {
    meta.faults = "first";
    spdlog::warn("this kernel has no page-fault tracepoints: first touches alone are recorded");
  }
  auto created = TraceWriter::create(
      [&](std::span<const std::byte> bytes) { return file->write(bytes); }, meta);
  if (!created) return created.error();
  writer.emplace(std::move(*created));
  for (const Event& event : std::exchange(early, {}))
    if (const Status s = writer->add(event); !s) return s.error();

  Session session{options, **recorder, *writer, *child ? &**child : nullptr,
                  !options.quiet && isatty(STDERR_FILENO)};
  return run_session(session, *file, signals);
}

}  // namespace

int run_record(const RecordOptions& options) {
  if (!options.command.empty() && !options.pids.empty())
    return fail({ErrorCode::usage, "--pid and a command exclude each other"});
  const Result<int> status = record(options);
  return status ? *status : fail(status.error());
}

}  // namespace anonvma::cmd

#else

namespace anonvma::cmd {

int run_record(const RecordOptions&) {
  return fail({ErrorCode::not_supported, "this build cannot record (" ANONVMA_NO_RECORDER_REASON
                                         "): install clang, bpftool and libbpf and build again"});
}

}  // namespace anonvma::cmd

#endif
