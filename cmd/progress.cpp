#include "cmd/progress.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cmd/quantities.h"
#include "engine/report/screen.h"

namespace anonvma::cmd {
namespace {

constexpr std::uint64_t kFirstNs = 1'000'000'000, kEveryNs = 200'000'000;

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string progress_line(const std::string& name, const Advance& advance, std::size_t columns) {
  const double seconds = static_cast<double>(std::max<std::uint64_t>(advance.elapsed_ns, 1)) / 1e9;
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(advance.events) / seconds);
  std::string line =
      fmt::format("{}: {} events read, {}/s", name, grouped(advance.events), short_count(rate));
  if (advance.total == 0) {
    line += fmt::format(", {}", size_text(advance.done));
  } else if (advance.done > 0) {
    const double share =
        std::min(1.0, static_cast<double>(advance.done) / static_cast<double>(advance.total));
    const auto left =
        static_cast<std::uint64_t>(static_cast<double>(advance.elapsed_ns) * (1 - share) / share);
    line += fmt::format(", {:.0f} %, {} left", 100 * share, time_text(left));
  }
  // In the last column a terminal would begin a new line.
  return line.substr(0, columns - 1);
}

Progress::Progress(std::string name, std::uint64_t total)
    : name_(std::move(name)),
      total_(total),
      visible_(isatty(STDERR_FILENO) != 0 && spdlog::should_log(spdlog::level::info)) {}

Progress::~Progress() {
  if (shown_ != 0) overwrite("");
}

std::uint64_t Progress::elapsed_ns() const {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now() - began_).count());
}

void Progress::show(std::uint64_t events, std::uint64_t done) {
  if (!visible_) return;
  const std::uint64_t now = elapsed_ns();
  if (now < kFirstNs || now - shown_at_ < kEveryNs) return;
  shown_at_ = now;
  overwrite(progress_line(name_, {events, done, total_, now}, terminal_columns()));
}

void Progress::overwrite(const std::string& line) {
  fmt::print(stderr, "\r{:<{}}\r{}", line, shown_, line);
  std::fflush(stderr);
  shown_ = line.size();
}

}  // namespace anonvma::cmd
