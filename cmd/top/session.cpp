#include "cmd/top/session.h"

#include "cmd/record/start.h"

#if ANONVMA_HAVE_RECORDER

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "cmd/exit.h"
#include "cmd/record/signals.h"
#include "cmd/top/checks.h"
#include "cmd/top/display.h"
#include "engine/live/live.h"
#include "engine/strategy/own.h"
#include "engine/strategy/selection.h"
#include "tracers/kernel/clock.h"
#include "tracers/load/drain.h"

namespace anonvma::cmd {
namespace {

constexpr std::uint64_t kPollNs = 16'000'000;
constexpr std::uint64_t kGraceNs = 3'000'000'000;  // for the command, after a signal
// Owners are counted so rarely that it costs at most this part of one CPU.
constexpr std::uint64_t kOwnersPart = 250;

std::uint64_t in_ns(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

std::string time_of_day() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

std::string scope_text(const RecordOptions& options, const Meta& meta) {
  if (!options.command.empty()) return fmt::format("command {}", fmt::join(options.command, " "));
  if (!options.cgroup.empty()) return "cgroup " + meta.cgroup;
  if (!options.pids.empty()) return fmt::format("pid {}", fmt::join(options.pids, " "));
  return "system";
}

// CPU time of this thread: a busy machine makes nothing look expensive.
std::uint64_t cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

LiveMachine describe(const TopOptions& options, const Meta& meta, std::string baseline) {
  return {.release = meta.release,
          .machine = meta.machine,
          .own = std::string(own_strategy(meta)),
          .scope = scope_text(options.record, meta),
          .tier = meta.tier,
          .faults = meta.faults,
          .baseline = std::move(baseline),
          .interval_s = options.interval_s};
}

class Session {
 public:
  Session(const TopOptions& options, Started& started, const Selection& selection, Display& display)
      : options_(options),
        recorder_(*started.recorder),
        child_(started.child ? &*started.child : nullptr),
        display_(display),
        live_(started.meta, selection.strategies, std::thread::hardware_concurrency()),
        checks_(recorder_, live_),
        machine_(describe(options, started.meta, selection.baseline)),
        view_(options.view) {}

  Status begin();
  Status run(const Signals& signals);
  int status() const;

 private:
  Status take(const Event& event) {
    live_.take(event);
    checks_.take(event);
    return ok();
  }
  Status check_when_due(std::uint64_t now);
  void count_owners(std::uint64_t now);
  LiveFrame make_frame(std::uint64_t now);
  Status show(std::uint64_t now);
  Status handle_keys(std::uint64_t now);
  bool done(int signal, std::uint64_t now);

  const TopOptions& options_;
  Recorder& recorder_;
  Child* child_;  // null: no command
  Display& display_;
  Live live_;
  Checks checks_;
  LiveMachine machine_;
  LiveView view_;
  LiveSummary before_;
  LiveFrame frame_;  // as shown
  std::optional<LiveHolders> holders_;
  std::uint64_t shown_ns_ = 0, checked_ns_ = 0, signal_ns_ = 0;
  std::uint64_t owners_ns_ = 0, owners_cost_ns_ = 0;
  std::uint64_t intervals_ = 0;
  bool interrupted_ = false, quit_ = false;
};

Status Session::begin() {
  const Status begun = recorder_.begin([this](const Event& event) { return take(event); });
  if (!begun) return begun;
  if (child_ != nullptr)
    if (const Status released = child_->release(); !released) return released;
  live_.settle();
  before_ = live_.summary();
  shown_ns_ = recorder_.elapsed_ns();
  frame_ = make_frame(shown_ns_);
  return display_.begin(frame_);
}

// The first check comes soon, for those who look at the screen only for a moment.
Status Session::check_when_due(std::uint64_t now) {
  constexpr std::uint64_t kFirstNs = 200'000'000;
  if (const Status ended = checks_.tick(now); !ended) return ended;
  if (options_.check_s <= 0 || checks_.running()) return ok();
  if (now - checked_ns_ < (checked_ns_ == 0 ? kFirstNs : in_ns(options_.check_s))) return ok();
  checked_ns_ = now;
  return checks_.begin(now, time_of_day());
}

void Session::count_owners(std::uint64_t now) {
  if (!display_.wants_owners(view_)) return;
  const bool other = !holders_ || holders_->design != view_.design;
  if (!other && now - owners_ns_ < owners_cost_ns_ * kOwnersPart) return;
  const std::uint64_t began = cpu_ns();
  holders_ = {view_.design, time_of_day(), live_.holders(view_.design)};
  owners_cost_ns_ = cpu_ns() - began;
  owners_ns_ = now;
}

LiveFrame Session::make_frame(std::uint64_t now) {
  live_.settle();
  const double seconds = static_cast<double>(now - shown_ns_) / 1e9;
  LiveFrame frame{.machine = machine_,
                  .clock = time_of_day(),
                  .unix_ms = unix_ns() / 1'000'000,
                  .elapsed_s = static_cast<double>(now) / 1e9,
                  .interval_s = seconds,
                  .now = live_.summary(),
                  .rates = {},
                  .lost = recorder_.counts().lost,
                  .unreadable = recorder_.counts().unreadable,
                  .torn = recorder_.counts().torn,
                  .check = checks_.shown(),
                  .holders = {},
                  .ended = child_ != nullptr && child_->ended() ? "the command has ended" : ""};
  frame.rates = rates(before_, frame.now, seconds);
  count_owners(now);
  frame.holders = holders_;
  return frame;
}

Status Session::show(std::uint64_t now) {
  LiveFrame frame = make_frame(now);
  before_ = frame.now;
  shown_ns_ = now;
  ++intervals_;
  if (!view_.paused) frame_ = std::move(frame);
  return display_.show(frame_, view_);
}

Status Session::handle_keys(std::uint64_t now) {
  const Wishes wishes = display_.poll(view_, frame_.now.designs.size());
  quit_ |= wishes.quit;
  if (wishes.check && !checks_.running()) {
    checked_ns_ = now;
    if (const Status begun = checks_.begin(now, time_of_day()); !begun) return begun;
  }
  if (!wishes.redraw) return ok();
  if (!view_.paused && display_.wants_owners(view_) &&
      (!holders_ || holders_->design != view_.design)) {
    live_.settle();
    count_owners(now);
    frame_.holders = holders_;
  }
  return display_.show(frame_, view_);
}

// A command gets a signal, too, and some time to end.
bool Session::done(int signal, std::uint64_t now) {
  if (quit_) return true;
  if (options_.count > 0 && intervals_ >= options_.count) return true;
  if (child_ == nullptr) return signal != 0;
  if (child_->ended()) return signal != 0 || !display_.stays();
  if (signal != 0 && signal_ns_ == 0) {
    interrupted_ = true;
    signal_ns_ = now;
    child_->send(signal);
  } else if (signal != 0) {
    return true;
  }
  return signal_ns_ != 0 && now - signal_ns_ > kGraceNs;
}

Status Session::run(const Signals& signals) {
  const std::uint64_t interval = in_ns(options_.interval_s);
  for (int signal = 0;;) {
    if (const Status s = recorder_.poll(); !s) return s;
    const std::uint64_t now = recorder_.elapsed_ns();
    if (const Status s = check_when_due(now); !s) return s;
    if (const Status s = handle_keys(now); !s) return s;
    if (now - shown_ns_ >= interval)
      if (const Status s = show(now); !s) return s;
    if (done(signal, now)) return child_ != nullptr && !quit_ ? show(now) : ok();
    signal = signals.wait(static_cast<long>(std::min(kPollNs, interval)));
  }
}

int Session::status() const {
  if (interrupted_) return kInterrupted;
  if (checks_.found_difference() || live_.summary().verified.map_counts_differ > 0) return kFinding;
  return recorder_.counts().lost > 0 ? kEventsLost : kOk;
}

Result<std::unique_ptr<Display>> make_display(const TopOptions& options) {
  if (options.json_lines) return make_json_display(options.owners);
  if (options.once || isatty(STDOUT_FILENO) == 0 || isatty(STDIN_FILENO) == 0)
    return make_text_display(options.owners);
  return make_terminal_display();
}

ChildOutput output_of_command(const TopOptions& options) {
  const bool screen = !options.once && isatty(STDOUT_FILENO) != 0;
  return options.json_lines ? ChildOutput::our_stderr
         : screen           ? ChildOutput::nowhere
                            : ChildOutput::our_stderr;
}

}  // namespace

Result<int> top(const TopOptions& options) {
  const Signals signals(false);
  if (auto named = select_strategies(options.strategies, options.baseline, ""); !named)
    return named.error();
  const Result<Prepared> prepared = prepare(options.record);
  if (!prepared) return prepared.error();
  RecordOptions record = options.record;
  record.command_output = output_of_command(options);
  Result<Started> started = start(record, *prepared);
  if (!started) return started.error();
  const auto selection =
      select_strategies(options.strategies, options.baseline, own_strategy(started->meta));
  if (!selection) return selection.error();
  Result<std::unique_ptr<Display>> display = make_display(options);
  if (!display) return display.error();
  // The threads of the replay inherit this: while they wait for a busy machine, records would fill
  // memory.
  prefer_this_thread();
  Session session(options, *started, *selection, **display);
  Status status = session.begin();
  if (status) status = session.run(signals);
  display->reset();  // the terminal is as before when messages are printed
  if (!status) return status.error();
  return session.status();
}

}  // namespace anonvma::cmd

#else

namespace anonvma::cmd {

Result<int> top(const TopOptions&) { return cannot_record(); }

}  // namespace anonvma::cmd

#endif
