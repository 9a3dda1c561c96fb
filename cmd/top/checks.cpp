#include "cmd/top/checks.h"

#if ANONVMA_HAVE_RECORDER

#include <algorithm>
#include <utility>

#include "tracers/recorder.h"

namespace anonvma::cmd {
namespace {

// After that time all events of a walk have come, and no comparison waits for a fault in flight.
constexpr std::uint64_t kWalkComesNs = 1'000'000'000;
constexpr std::uint32_t kAllProcesses = 0;

}  // namespace

Status Checks::begin(std::uint64_t now_ns, const std::string& clock) {
  LiveCheck& check = running_.emplace();
  check.state = LiveCheck::State::running;
  check.clock = clock;
  check.number = done_.number + 1;
  return walk(now_ns);
}

Status Checks::walk(std::uint64_t now_ns) {
  live_.settle();
  const LiveSummary before = live_.summary();
  at_walk_ = before.verified;
  running_->model_mms = before.mms;
  walked_ns_ = now_ns;
  walk_.begin();
  return recorder_.snapshot(kAllProcesses);
}

Status Checks::tick(std::uint64_t now_ns) {
  if (!running_ || now_ns - walked_ns_ < kWalkComesNs) return ok();
  live_.settle();
  live_.settle_late();
  running_->kernel = walk_.end();
  compared_between(at_walk_, live_.summary().verified, *running_);
  if (running_->differ() > 0 && running_->repeated == 0) {
    running_->repeated = 1;
    return walk(now_ns);
  }
  running_->state = LiveCheck::State::done;
  running_->differences = live_.differences();
  differed_ |= running_->differ() > 0;
  done_ = *std::exchange(running_, std::nullopt);
  return ok();
}

LiveCheck Checks::shown() const {
  return running_ && done_.state == LiveCheck::State::none ? *running_ : done_;
}

}  // namespace anonvma::cmd

#endif
