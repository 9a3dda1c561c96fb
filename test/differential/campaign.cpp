#include "test/differential/campaign.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "test/differential/shrink.h"

namespace anonvma::differential {
namespace {

constexpr int kTriesAtOnce = 10;  // threads do not run the same way twice
constexpr std::size_t kMostTexts = 6;

void print_states(const Session& session) {
  fmt::print("the recording:\n{}the kernel at the end:\n{}the model:\n{}",
             session.describe_events(), session.describe_kernel(), session.describe_model());
}

void print_run(const Program& program, const Run& run) {
  for (std::size_t i = 0; i < program.size() && (run.equal() || i < run.reached); ++i) {
    if (program[i].op == Op::sync)
      fmt::print("sync\n");
    else
      fmt::print("{:<90} # {}\n", format(program[i]), run.results[i]);
  }
  for (std::size_t i = 0; i < std::min(run.differences.size(), kMostTexts); ++i)
    fmt::print("  {}\n", run.differences[i]);
}

}  // namespace

// After a difference the model has another state than the kernel: a new session begins.
Result<Session*> Campaign::session() {
  if (!session_) {
    auto started = Session::start(options_.target, options_.aslr);
    if (!started) return started.error();
    session_ = std::move(*started);
    if (session_->differing() > 0) {
      for (const std::string& text : session_->differences()) fmt::print("{}\n", text);
      return Error{ErrorCode::io, "the processes differ before anything was done"};
    }
  }
  return session_.get();
}

void Campaign::drop_session() {
  if (!session_) return;
  const SessionCounts& counts = session_->counts();
  counts_.states += counts.states;
  counts_.vmas += counts.vmas;
  counts_.events += counts.events;
  deaths_ += session_->family().deaths();
  session_.reset();
}

Result<Run> Campaign::run_one(const Program& program) {
  const Result<Session*> session = this->session();
  if (!session) return session.error();
  Result<Run> done = run(**session, program, coverage_);
  if (!done) fmt::print("{}", format(program));
  return done;
}

bool Campaign::fails(const Program& program) {
  if (time_is_up()) return false;
  for (int i = concurrent(program) ? kTriesAtOnce : 1; i > 0; --i) {
    const Result<Run> done = run_one(program);
    const bool differs = !done || !done->equal();
    if (differs) drop_session();
    if (differs) return true;
  }
  return false;
}

// Shrinks a program that differed, and prints the rest with both states. False if it
// never differs again.
Result<bool> Campaign::report(const Program& program) {
  drop_session();
  if (!fails(program) && !fails(program) && !fails(program)) return false;
  const Program small =
      options_.shrink ? shrink(program, [this](const Program& p) { return fails(p); }) : program;
  for (int tries = concurrent(small) ? 5 * kTriesAtOnce : 1; tries > 0; --tries) {
    const Result<Run> again = run_one(small);
    if (!again) return again.error();
    if (again->equal()) continue;
    fmt::print("\nthe smallest program that differs ({} operations):\n", small.size());
    print_run(small, *again);
    print_states(*session_);
    fmt::print("To run it again, put its lines into FILE: test_differential --program FILE\n\n");
    drop_session();
    return true;
  }
  return false;
}

Result<bool> Campaign::fuzz() {
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t seed = options_.seed; operations_ < options_.operations && !time_is_up();
       ++seed) {
    const Program program = generate(seed, options_.taste);
    const Result<Run> done = run_one(program);
    if (!done) return done.error();
    ++programs_;
    operations_ += done->operations;
    if (options_.verbose) print_run(program, *done);
    if (done->equal()) continue;
    ++differing_;
    fmt::print("\nseed {:#x} differs at operation {}:\n", seed, done->reached);
    print_run(program, *done);
    if (concurrent(program)) print_states(*session_);  // the difference may not occur again
    const Result<bool> again = report(program);
    if (!again) return again.error();
    if (!*again && time_is_up()) break;  // the result of this try is unknown
    if (!*again) fmt::print("\nIt does not differ again.\n");
    // A program without threads may have differed because another process held an address space,
    // and ended it during a walk.
    if (!*again && !concurrent(program)) --differing_, ++unrepeated_;
    if (differing_ > 0 && !options_.keep_going) break;
  }
  seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const Result<bool> agreed = finish();
  if (!agreed) return agreed.error();
  print_coverage();
  print_summary();
  return *agreed && differing_ == 0;
}

Result<bool> Campaign::replay(const Program& program) {
  for (int tries = concurrent(program) ? kTriesAtOnce : 1; tries > 0; --tries) {
    const Result<Run> done = run_one(program);
    if (!done) return done.error();
    if (options_.verbose || !done->equal()) print_run(program, *done);
    if (options_.verbose) print_states(*session_);
    if (done->equal()) continue;
    drop_session();
    return false;
  }
  return true;
}

// These facts can only be compared when a recording is over.
Result<bool> Campaign::finish() {
  if (!session_) return true;
  Result<Verdict> verdict = session_->finish();
  if (!verdict) return verdict.error();
  for (const Lane& lane : verdict->lanes)
    fmt::print("{:30} compared {:>9}, equal {:>9}  {}\n", lane.name, lane.compared, lane.equal,
               lane.not_available);
  for (const std::string& doubt : verdict->doubts) fmt::print("doubt: {}\n", doubt);
  for (const std::string& text : verdict->differences) fmt::print("  {}\n", text);
  const bool agrees = verdict->agrees() && session_->lost() == 0;
  drop_session();
  return agrees;
}

void Campaign::print_coverage() const {
  fmt::print("{:18}{:>10}{:>10}{:>10}\n", "operation", "succeeded", "failed", "skipped");
  for (const OpInfo& info : operations()) {
    const Coverage& c = coverage_[static_cast<std::size_t>(info.op)];
    if (c.succeeded + c.failed + c.skipped == 0) continue;
    fmt::print("{:18}{:>10}{:>10}{:>10}\n", info.name, c.succeeded, c.failed, c.skipped);
  }
}

void Campaign::print_summary() const {
  const double states = std::max<double>(static_cast<double>(counts_.states), 1);
  fmt::print(
      "{:.1f} vmas in an address space, {} events, {:.0f} operations per second, {} deaths\n",
      static_cast<double>(counts_.vmas) / states, counts_.events,
      static_cast<double>(operations_) / seconds_, deaths_);
  if (unrepeated_ > 0) fmt::print("{} differences that did not come again\n", unrepeated_);
  fmt::print("{} operations, {} programs, {} states compared, {} differences, seed {:#x}\n",
             operations_, programs_, counts_.states, differing_, options_.seed);
}

}  // namespace anonvma::differential
