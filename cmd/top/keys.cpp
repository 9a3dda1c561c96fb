#include "cmd/top/keys.h"

namespace anonvma::cmd {
namespace {

constexpr std::size_t kMostFilter = 40;  // characters
constexpr int kSorts = static_cast<int>(LiveSort::name) + 1;

Wishes type(int key, LiveView& view) {
  if (key == kKeyEnter || key == kKeyEscape) view.typing = false;
  if (key == kKeyEscape) view.filter.clear();
  if (key == kKeyBackspace && !view.filter.empty()) view.filter.pop_back();
  if (key >= ' ' && key < 0x7f && view.filter.size() < kMostFilter)
    view.filter += static_cast<char>(key);
  return {.redraw = true};
}

// Escape closes what is open.
void escape(LiveView& view) {
  if (!view.help && !view.differences) view.filter.clear();
  view.help = view.differences = false;
}

}  // namespace

Wishes press(int key, LiveView& view, std::size_t designs) {
  if (view.typing) return type(key, view);
  switch (key) {
    case 'q':
      return {.quit = true};
    case 'c':
      return {.check = true};
    case ' ':
      view.paused = !view.paused;
      break;
    case kKeyUp:
    case 'k':
      view.design = (view.design + designs - 1) % designs;
      break;
    case kKeyDown:
    case 'j':
      view.design = (view.design + 1) % designs;
      break;
    case 'o':
      view.by = view.by == By::comm ? By::mm : By::comm;
      break;
    case 's':
      view.sort = static_cast<LiveSort>((static_cast<int>(view.sort) + 1) % kSorts);
      break;
    case 'r':
      view.reversed = !view.reversed;
      break;
    case '/':
      view.typing = true;
      break;
    case 'd':
      view.differences = !view.differences;
      view.help = false;
      break;
    case '?':
    case 'h':
      view.help = !view.help;
      view.differences = false;
      break;
    case kKeyEscape:
      escape(view);
      break;
    default:
      return {};
  }
  return {.redraw = true};
}

}  // namespace anonvma::cmd
