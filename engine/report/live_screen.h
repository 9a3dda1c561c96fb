// The screen of `anonvma top`: lines of text, with a style each. Pure: it draws on no terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/live/frame.h"
#include "engine/report/render.h"

namespace anonvma {

enum class LiveSort : std::uint8_t { bytes, vmas, chain_entries, anon_vmas, name };
std::string_view sort_name(LiveSort sort);

// The choices of the user.
struct LiveView {
  std::size_t design = 0;  // selected: its caches and owners are shown
  By by = By::comm;        // comm or mm
  LiveSort sort = LiveSort::bytes;
  bool reversed = false;
  std::string filter{};      // only owners whose name has this text
  bool typing = false;       // the filter is being typed
  bool paused = false;       // the frame is an old one
  bool help = false;         // the page of keys
  bool differences = false;  // the page of differences
  bool keys = true;          // the last line names keys
  std::string message{};     // instead of the keys
};

enum class LineStyle : std::uint8_t { plain, title, header, selected, good, bad, dim };
struct ScreenLine {
  std::string text;  // at most as wide as the screen
  LineStyle style = LineStyle::plain;
};

inline constexpr std::size_t kLeastColumns = 60, kLeastLines = 16;

// At most `lines` lines of at most `columns` columns. A screen below the least size gets one line
// that says so.
std::vector<ScreenLine> live_screen(const LiveFrame& frame, const LiveView& view,
                                    std::size_t columns, std::size_t lines);
// The same as text without an end, for output that is no terminal: all designs with their caches,
// and the first `owners` owners.
std::string live_text(const LiveFrame& frame, const LiveView& view, std::size_t owners);

}  // namespace anonvma
