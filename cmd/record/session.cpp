#include "cmd/record/session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "cmd/exit.h"
#include "cmd/messages.h"
#include "cmd/quantities.h"
#include "cmd/record/child.h"
#include "cmd/record/start.h"

#if ANONVMA_HAVE_RECORDER

#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include "cmd/record/make_output.h"
#include "cmd/record/signals.h"
#include "engine/trace/syscall_names.h"
#include "tracers/kernel/clock.h"
#include "tracers/recorder.h"

namespace anonvma::cmd {
namespace {

constexpr std::uint64_t kPollNs = 16'000'000;  // each poll of the ring costs some microseconds
constexpr std::uint64_t kBurst = 256;          // bytes per microsecond that a ring has to take
constexpr std::uint64_t kProgressNs = 500'000'000;
constexpr std::uint64_t kGraceNs = 3'000'000'000;  // for the command, after a signal

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

// One recording in progress.
struct Session {
  const RecordOptions& options;
  Meta meta;
  RecordingOutput& output;
  std::unique_ptr<Recorder> recorder;  // of the open part
  Child* child;                        // null: no command
  bool show;                           // progress on a terminal; the reader of -o - shows its own
  bool interrupted = false, was_full = false;
  std::uint64_t part = 1, began_ns = 0;  // number and beginning of the open part
  RecorderCounts before{};               // counts of the parts that ended
  std::uint64_t shown_at = 0, shown_events = 0, signal_at = 0;

  // Time since the first part began.
  std::uint64_t elapsed_ns() const { return began_ns + recorder->elapsed_ns(); }
  std::uint64_t lost() const { return before.lost + recorder->counts().lost; }
  // True if there was no exec, not even that of the command.
  bool missed_command() const {
    return child && before.execs + recorder->counts().execs == 0 && lost() == 0;
  }

  // With --duration: ", 12.0 s left".
  std::string time_left(std::uint64_t now) const {
    const double left = options.duration_s - static_cast<double>(now) / 1e9;
    if (options.duration_s <= 0) return "";
    return fmt::format(", {} left",
                       time_text(static_cast<std::uint64_t>(std::max(left, 0.0) * 1e9)));
  }

  void progress(std::uint64_t now) {
    if (!show || now - shown_at < kProgressNs) return;
    const std::uint64_t events = output.events();
    const double rate = static_cast<double>(events - shown_events) * 1e9 /
                        static_cast<double>(std::max<std::uint64_t>(now - shown_at, 1));
    fmt::print(stderr, "\r{} events, {:.0f}/s, {}, lost {}{}   ", events, rate,
               megabytes(output.bytes()), lost(), time_left(now));
    std::fflush(stderr);
    shown_at = now;
    shown_events = events;
  }

  // True when it is time to stop.
  bool done(int signal, std::uint64_t now) {
    const bool over =
        options.duration_s > 0 && static_cast<double>(now) >= options.duration_s * 1e9;
    was_full = output.full();
    if (was_full) return true;
    if (!child) return signal != 0 || over;
    if (child->ended()) return true;
    if ((signal != 0 || over) && signal_at == 0) {
      // The command gets the signal too, and some time to end, as its end belongs into the trace.
      interrupted = signal != 0;
      signal_at = now;
      child->send(signal != 0 ? signal : SIGTERM);
    } else if (signal != 0) {
      return true;
    }
    return signal_at != 0 && now - signal_at > kGraceNs;
  }

  // Ends the open part. Its file is finished whatever fails.
  Status end_part(bool continued) {
    const std::uint64_t now = elapsed_ns();
    Status status = recorder->finish();
    const RecorderCounts& counts = recorder->counts();
    EndInfo end;
    end.duration_ns = recorder->elapsed_ns();
    end.lost = counts.lost;
    end.recursion_misses = counts.recursion_misses;
    end.processes_at_attach = counts.processes;
    end.relatives_at_attach = counts.relatives;
    end.unreadable_processes = counts.unreadable;
    end.torn_at_attach = counts.torn;
    end.unread_writes = counts.unread;
    end.spilled_bytes = counts.spilled_bytes;
    end.unseen_writers = unseen_writers_by_name(counts.unseen, meta.machine);
    end.continued = continued;
    if (child && child->ended()) end.command_status = child->status();
    if (const Status s = output.end_part(end, now); !s && status) status = s;
    return status;
  }

  // Continues in a new part. It begins before the open part ends, so no event falls between them.
  Status turn() {
    meta.start_unix_ns = unix_ns();
    const std::uint64_t now = elapsed_ns();
    if (const Status s = output.begin_part(meta, now); !s) return s;
    std::unique_ptr<Recorder> next = recorder->open_next();
    if (const Status s = next->begin([&out = output, number = part + 1](const Event& event) {
          return out.add(number, event);
        });
        !s)
      return s;
    if (const Status s = end_part(true); !s) return s;
    before.lost += recorder->counts().lost;
    before.malformed += recorder->counts().malformed;
    before.execs += recorder->counts().execs;
    recorder = std::move(next);
    began_ns = now;
    ++part;
    return ok();
  }

  Status run(const Signals& signals) {
    const std::uint64_t poll = std::min(kPollNs, meta.ring_bytes / kBurst * 1000);
    for (int signal = 0;;) {
      if (const Status s = recorder->poll(); !s) return s;
      const std::uint64_t now = elapsed_ns();
      if (const Status s = output.tick(now); !s) return s;
      progress(now);
      const bool ends = done(signal == SIGUSR1 ? 0 : signal, now);
      if (signal == SIGUSR1 || (ends && signals.user_signal_waits())) output.user_signal();
      if (ends) return ok();
      if (output.wants_part(now))
        if (const Status s = turn(); !s) return s;
      signal = signals.wait(static_cast<long>(poll));
    }
  }
};

void summarise(const Session& session) {
  if (session.show) fmt::print(stderr, "\r{:60}\r", "");
  const RecorderCounts& counts = session.recorder->counts();
  const RecordOptions& options = session.options;
  if (session.child && !session.child->ended())
    spdlog::warn("command: still running");
  else if (session.child && (!options.quiet || session.child->status() != 0))
    spdlog::info("command: {}", describe_status(session.child->status()));
  if (options.quiet && session.lost() == 0) return;
  spdlog::info("{}: {} events, {}, {:.1f} s, lost {}, unreadable processes {} of {}",
               session.output.written(), session.output.events(), megabytes(session.output.bytes()),
               static_cast<double>(session.elapsed_ns()) / 1e9, session.lost(), counts.unreadable,
               counts.processes);
  if (counts.relatives > 0)
    spdlog::info("{} processes are recorded because they share anon_vmas with those of --pid",
                 counts.relatives);
  if (session.was_full && options.max_bytes != 0)
    spdlog::info("ended, as --max-size {} was reached", size_text(options.max_bytes));
  if (session.lost() > 0)
    spdlog::warn("events were lost: record with a larger --ring-mib, or without --faults all");
  if (const auto bad = session.before.malformed + counts.malformed; bad > 0)
    spdlog::warn("{} malformed records", bad);
}

// Runs an attached recorder to its end. Returns the exit status, or the error that ended it.
Result<int> run_session(Session& session, const Signals& signals) {
  if (session.child) {
    if (const Status s = session.child->release(); !s) {
      session.output.discard();
      return s.error();
    }
  }
  Status status = session.run(signals);
  if (const Status s = session.end_part(false); !s && status) status = s;
  if (const Status s = session.output.finish(); !s && status) status = s;
  if (!status) return status.error();
  summarise(session);
  if (session.missed_command())
    return Error{ErrorCode::not_supported,
                 "the recorder missed the exec of the command and recorded nothing of it: run "
                 "\"anonvma doctor\""};
  if (session.interrupted) return static_cast<int>(kInterrupted);
  return static_cast<int>(session.lost() > 0 ? kEventsLost : kOk);
}

Result<int> record_prepared(const RecordOptions& options, const Prepared& prepared,
                            const Signals& signals, RecordingOutput& output) {
  Result<Started> started = start(options, prepared);
  if (!started) return started.error();
  Session session{options,
                  std::move(started->meta),
                  output,
                  std::move(started->recorder),
                  started->child ? &*started->child : nullptr,
                  !options.quiet && options.output != "-" && isatty(STDERR_FILENO)};
  // The recorder gives its first event after all live processes have been read. The header is
  // written at that moment, so a script can wait for the recording by waiting for the file.
  bool begun = false;
  const auto begin_output = [&]() -> Status {
    return std::exchange(begun, true) ? ok() : output.begin_part(session.meta, 0);
  };
  const auto sink = [&](const Event& event) -> Status {
    if (const Status s = begin_output(); !s) return s;
    return output.add(1, event);
  };
  Status status = session.recorder->begin(sink);
  if (status) status = begin_output();
  if (!status) {
    output.discard();
    return status.error();
  }
  return run_session(session, signals);
}

}  // namespace

Result<int> record(const RecordOptions& options) {
  const Signals signals(options.flight_ns != 0);
  const Result<Prepared> prepared = prepare(options);
  if (!prepared) return prepared.error();
  const auto output = make_output(options);
  if (!output) return output.error();
  return record_prepared(options, *prepared, signals, **output);
}

Result<int> record_into(RecordingOutput& output, const RecordOptions& options) {
  const Signals signals(false);
  const Result<Prepared> prepared = prepare(options);
  if (!prepared) return prepared.error();
  return record_prepared(options, *prepared, signals, output);
}

}  // namespace anonvma::cmd

#else

namespace anonvma::cmd {

Result<int> record(const RecordOptions&) { return cannot_record(); }
Result<int> record_into(RecordingOutput&, const RecordOptions&) { return cannot_record(); }

}  // namespace anonvma::cmd

#endif
