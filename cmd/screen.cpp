#include "cmd/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cmd/exit.h"
#include "cmd/messages.h"

namespace anonvma::cmd {
namespace {

constexpr std::size_t kFewestColumns = 40;  // narrower, and nothing can be read

winsize terminal_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size;
}

}  // namespace

void add_screen_options(const Subcommand& command, ScreenOptions& options,
                        const std::string& full_means) {
  command.flag("--full", options.full, full_means);
  command.choice<ColorMode>(
      "--color", options.color,
      {{"auto", ColorMode::automatic}, {"always", ColorMode::always}, {"never", ColorMode::never}},
      "Colours (auto: on a terminal, unless NO_COLOR is set)");
  add_no_pager(command, options);
  command.flag("--raw-bytes", options.raw_bytes, "Bytes, and no KiB or MiB, on the first screen");
}

void add_no_pager(const Subcommand& command, ScreenOptions& options) {
  command.flag("--no-pager", options.no_pager, "Never show a long result in $PAGER or less");
}

Screen screen_of(const ScreenOptions& options) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  Screen screen;
  screen.color = wants_color(options.color, terminal, std::getenv("NO_COLOR"), std::getenv("TERM"));
  screen.raw_bytes = options.raw_bytes;
  if (const std::size_t columns = terminal ? terminal_size().ws_col : 0; columns != 0)
    screen.columns = std::max(columns, kFewestColumns);
  return screen;
}

int show_result(std::string_view text, const ScreenOptions& options) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const bool fits = !isatty(STDOUT_FILENO) || lines < terminal_size().ws_row;
  if (options.no_pager || fits || terminal_size().ws_row == 0) return print_result(text);
  if (page(text, std::getenv("PAGER"))) return kOk;
  return print_result(text);
}

std::unique_ptr<Pager> pager_of(const ScreenOptions& options) {
  if (options.no_pager || !isatty(STDOUT_FILENO) || terminal_size().ws_row == 0) return nullptr;
  return Pager::open(std::getenv("PAGER"));
}

}  // namespace anonvma::cmd
