// The display on a terminal. This is the only file that knows ncurses.
#include "cmd/top/display.h"

#if ANONVMA_HAVE_CURSES

#include <curses.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <utility>

#include "cmd/color.h"
#include "cmd/top/keys.h"

namespace anonvma::cmd {
namespace {

enum Pair : short { kGood = 1, kBad };

int attributes_of(LineStyle style, bool colour) {
  switch (style) {
    case LineStyle::title:
      return A_BOLD;
    case LineStyle::header:
      return A_UNDERLINE;
    case LineStyle::selected:
      return A_REVERSE;
    case LineStyle::good:
      return colour ? COLOR_PAIR(kGood) : 0;
    case LineStyle::bad:
      return A_BOLD | (colour ? COLOR_PAIR(kBad) : 0);
    case LineStyle::dim:
    case LineStyle::plain:
      break;
  }
  return 0;
}

// A key as keys.h names it.
int key_of(int key) {
  switch (key) {
    case KEY_UP:
      return kKeyUp;
    case KEY_DOWN:
      return kKeyDown;
    case KEY_BACKSPACE:
    case 0x7f:
    case '\b':
      return kKeyBackspace;
    case KEY_ENTER:
    case '\n':
    case '\r':
      return kKeyEnter;
    case 0x1b:
      return kKeyEscape;
    default:
      return key;
  }
}

class Terminal final : public Display {
 public:
  explicit Terminal(SCREEN* screen) : screen_(screen) {
    set_term(screen_);
    cbreak();
    noecho();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    const bool wanted = wants_color(ColorMode::automatic, /*terminal=*/true,
                                    std::getenv("NO_COLOR"), std::getenv("TERM"));
    colour_ = wanted && has_colors() && start_color() == OK;
    if (colour_) {
      use_default_colors();
      init_pair(kGood, COLOR_GREEN, -1);
      init_pair(kBad, COLOR_RED, -1);
    }
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() override {
    endwin();
    delscreen(screen_);
  }

  Status show(const LiveFrame& frame, const LiveView& view) override {
    take_size();
    const auto columns = static_cast<std::size_t>(COLS), lines = static_cast<std::size_t>(LINES);
    const std::vector<ScreenLine> screen = live_screen(frame, view, columns, lines);
    erase();
    for (std::size_t y = 0; y < screen.size(); ++y) {
      const int attributes = attributes_of(screen[y].style, colour_);
      attron(attributes);
      mvaddnstr(static_cast<int>(y), 0, screen[y].text.c_str(), COLS);
      attroff(attributes);
    }
    refresh();
    return ok();
  }

  Wishes poll(LiveView& view, std::size_t designs) override {
    Wishes wishes{.redraw = !std::exchange(drawn_, true)};
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR)) != 0)
      return {.quit = true};
    for (int key = getch(); key != ERR; key = getch()) {
      const Wishes more = press(key_of(key), view, designs);
      wishes.quit |= more.quit;
      wishes.check |= more.check;
      wishes.redraw |= more.redraw;
    }
    wishes.redraw |= size_changed();
    return wishes;
  }

  // The pages of text have no owners.
  bool wants_owners(const LiveView& view) const override {
    return !view.help && !view.differences && !view.paused;
  }
  bool stays() const override { return true; }

 private:
  struct Size {
    int lines, columns;
    friend bool operator==(const Size&, const Size&) = default;
  };
  static std::optional<Size> size() {
    winsize now{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) != 0 || now.ws_row == 0 || now.ws_col == 0)
      return {};
    return Size{now.ws_row, now.ws_col};
  }
  static bool size_changed() {
    const auto now = size();
    return now && *now != Size{LINES, COLS};
  }
  static void take_size() {
    if (!size_changed()) return;
    const Size now = *size();
    resizeterm(now.lines, now.columns);
    clear();
  }

  SCREEN* screen_;
  bool colour_ = false;
  bool drawn_ = false;
};

}  // namespace

Result<std::unique_ptr<Display>> make_terminal_display() {
  SCREEN* const screen = newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    const char* const term = std::getenv("TERM");
    return Error{ErrorCode::not_supported,
                 fmt::format("no terminal of the type '{}' is known: set TERM, or use --once or "
                             "--json-lines",
                             term != nullptr ? term : "")};
  }
  return std::unique_ptr<Display>(std::make_unique<Terminal>(screen));
}

}  // namespace anonvma::cmd

#else

namespace anonvma::cmd {

Result<std::unique_ptr<Display>> make_terminal_display() {
  return Error{ErrorCode::not_supported,
               "this build has no screen, as ncurses was not found: use --once or --json-lines, or "
               "install libncurses-dev and build again"};
}

}  // namespace anonvma::cmd

#endif
