// The decisions about the terminal: colours, the pager, the line of progress.
#include "cmd/color.h"
#include "cmd/pager.h"
#include "cmd/progress.h"
#include "test/catch.h"

using namespace anonvma::cmd;

TEST_CASE("terminal: colours are for terminals, unless asked for") {
  CHECK(wants_color(ColorMode::automatic, true, nullptr, "xterm"));
  CHECK(wants_color(ColorMode::automatic, true, "", "xterm"));  // no-color.org: empty is not set
  CHECK_FALSE(wants_color(ColorMode::automatic, false, nullptr, "xterm"));
  CHECK_FALSE(wants_color(ColorMode::automatic, true, "1", "xterm"));
  CHECK_FALSE(wants_color(ColorMode::automatic, true, nullptr, "dumb"));
  CHECK_FALSE(wants_color(ColorMode::automatic, true, nullptr, nullptr));
  CHECK(wants_color(ColorMode::always, false, "1", "dumb"));
  CHECK_FALSE(wants_color(ColorMode::never, true, nullptr, "xterm"));
}

TEST_CASE("terminal: the pager is $PAGER, or else less") {
  CHECK(pager_command(nullptr) == "less -FRX");
  CHECK(pager_command("more") == "more");
  CHECK(pager_command("less -S") == "less -S");
  CHECK(pager_command("").empty());
  CHECK(pager_command("cat").empty());
}

TEST_CASE("terminal: the line of progress") {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  CHECK(progress_line("a.trace", {2'000'000, 250, 1000, 4 * kSecond}, 80) ==
        "a.trace: 2,000,000 events read, 500k/s, 25 %, 12.0 s left");
  // The length of a pipe is not known.
  CHECK(progress_line("standard input", {2'000'000, 3u << 20, 0, 4 * kSecond}, 80) ==
        "standard input: 2,000,000 events read, 500k/s, 3.0 MiB");
  CHECK(progress_line("a.trace", {2'000'000, 250, 1000, 4 * kSecond}, 20).size() == 19);
  CHECK(progress_line("a.trace", {1, 1200, 1000, kSecond}, 80) ==
        "a.trace: 1 events read, 1/s, 100 %, 0.0 s left");  // a second reading of less
  CHECK(progress_line("a.trace", {}, 80) == "a.trace: 0 events read, 0/s, 0.0 KiB");
}
