#include "engine/report/picture/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "engine/report/brief.h"
#include "engine/report/picture/panels.h"
#include "engine/report/picture/ticks.h"
#include "engine/report/table.h"

namespace anonvma {
namespace {

constexpr std::size_t kRows = 4;  // of characters in a strip
constexpr std::size_t kFewestColumns = 40;
constexpr std::size_t kMostLabel = 28;

// How a character is divided, and what it looks like. Heights are counted from the bottom.
struct Ink {
  std::size_t across, levels;
  std::string (*cell)(std::size_t left, std::size_t right);
  std::string_view edge;
};

// The dots of a braille cell are bits, in two columns from top to bottom.
std::string braille_cell(std::size_t left, std::size_t right) {
  constexpr unsigned kLeft[] = {0x40, 0x04, 0x02, 0x01}, kRight[] = {0x80, 0x20, 0x10, 0x08};
  unsigned dots = 0;
  for (std::size_t i = 0; i < left; ++i) dots |= kLeft[i];
  for (std::size_t i = 0; i < right; ++i) dots |= kRight[i];
  if (dots == 0) return " ";
  const unsigned code = 0x2800 + dots;
  return {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)),
          static_cast<char>(0x80 | (code & 0x3f))};
}

std::string ascii_cell(std::size_t level, std::size_t) { return std::string(1, " .:#"[level]); }

constexpr Ink kBraille{2, 4, braille_cell, "\u2502"};
constexpr Ink kAscii{1, 3, ascii_cell, "|"};

// The most in each of `columns` equal parts of the time.
std::vector<std::uint64_t> columns_of(const std::vector<std::uint64_t>& points,
                                      std::size_t columns) {
  std::vector<std::uint64_t> most(columns);
  for (std::size_t x = 0; x < columns && !points.empty(); ++x) {
    const std::size_t begin = x * points.size() / columns;
    const std::size_t end = std::max(begin + 1, (x + 1) * points.size() / columns);
    most[x] = *std::max_element(points.begin() + static_cast<std::ptrdiff_t>(begin),
                                points.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return most;
}

// Heights in levels; what is not 0 can be seen.
std::vector<std::size_t> heights(const std::vector<std::uint64_t>& values, std::uint64_t highest,
                                 std::size_t levels) {
  std::vector<std::size_t> all;
  for (const std::uint64_t value : values) {
    const double share =
        highest == 0 ? 0 : static_cast<double>(value) / static_cast<double>(highest);
    const auto level = static_cast<std::size_t>(share * static_cast<double>(levels) + 0.5);
    all.push_back(std::max<std::size_t>(level, value > 0 ? 1 : 0));
  }
  return all;
}

std::vector<std::string> strip(const PanelLine& line, std::uint64_t highest, std::size_t width,
                               const Ink& ink) {
  const auto tall = heights(columns_of(line.max, width * ink.across), highest, kRows * ink.levels);
  std::vector<std::string> rows;
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::size_t floor = (kRows - 1 - row) * ink.levels;
    const auto in_row = [&](std::size_t x) {
      return std::min(tall[x] - std::min(tall[x], floor), ink.levels);
    };
    std::string text;
    for (std::size_t x = 0; x < tall.size(); x += ink.across)
      text += ink.cell(in_row(x), in_row(x + ink.across - 1));
    text.erase(text.find_last_not_of(' ') + 1);
    rows.push_back(std::move(text));
  }
  return rows;
}

std::string shortened(const std::string& name) {
  return name.size() <= kMostLabel ? name : name.substr(0, kMostLabel - 3) + "...";
}

std::string amount(const Panel& panel, std::uint64_t value) {
  return panel.cache ? number(value) : kb(value);
}

// The lines to the left of a strip: the strategy, its peak with the change, its end. `base` is null
// where there is nothing to compare with.
std::vector<std::string> label(const Panel& panel, const PanelLine& line, const PanelLine* base,
                               const Screen& screen) {
  const std::uint64_t end = line.last.empty() ? 0 : line.last.back();
  std::string peak = fmt::format("  peak {:>9}", amount(panel, line.peak()));
  if (base != nullptr) {
    const Change against = change(line.peak(), base->peak());
    const std::string text = fmt::format("{:>7}", percent(line.baseline, against));
    peak += "  " + tinted(text, line.baseline ? Tint::baseline : tint_of(against), screen);
  }
  return {tinted(shortened(line.strategy), line.baseline ? Tint::baseline : Tint::plain, screen),
          std::move(peak), fmt::format("  end  {:>9}", amount(panel, end)), ""};
}

std::string time_axis(double seconds, std::size_t left, std::size_t width) {
  std::string axis(left + width, ' ');
  std::size_t free = 0;
  for (const Tick& tick : ticks(seconds, std::max<std::size_t>(width / 12, 1))) {
    const auto x =
        left + static_cast<std::size_t>(tick.value / seconds * static_cast<double>(width - 1));
    const std::string text = tick.text + " s";
    if (x < free || x + text.size() > axis.size()) continue;
    axis.replace(x, text.size(), text);
    free = x + text.size() + 1;
  }
  axis.erase(axis.find_last_not_of(' ') + 1);
  return axis + "\n";
}

const PanelLine* baseline_of(const Panel& panel) {
  const auto base = std::find_if(panel.lines.begin(), panel.lines.end(),
                                 [](const PanelLine& line) { return line.baseline; });
  return base == panel.lines.end() ? nullptr : &*base;
}

std::string drawn(const Panel& panel, double seconds, const PlotOptions& options) {
  const Ink& ink = options.braille ? kBraille : kAscii;
  const PanelLine* base = panel.lines.size() > 1 ? baseline_of(panel) : nullptr;
  std::size_t left = 0;
  std::vector<std::vector<std::string>> labels;
  for (const PanelLine& line : panel.lines) {
    labels.push_back(label(panel, line, base, options.screen));
    for (const std::string& text : labels.back()) left = std::max(left, width_of(text) + 1);
  }
  const std::size_t columns = std::max(options.screen.columns, kFewestColumns);
  const std::size_t width = columns - std::min(left + 1, columns - kFewestColumns / 4);
  std::string text;
  for (std::size_t i = 0; i < panel.lines.size(); ++i) {
    const auto rows = strip(panel.lines[i], panel.highest(), width, ink);
    for (std::size_t row = 0; row < kRows; ++row) {
      const std::string& words = labels[i][row];
      text += words + std::string(left - width_of(words), ' ');
      text += fmt::format("{}{}\n", ink.edge, rows[row]);
    }
  }
  return text + time_axis(seconds, left + 1, width);
}

// The strips of one panel, with a line that says what they show.
std::string strips(const Comparison& comparison, const PlotOptions& options) {
  const Panels all = panels(comparison);
  for (const Panel& panel : all.all) {
    if (panel.cache != options.cache) continue;
    const double seconds = static_cast<double>(all.width_ns * all.points) / 1e9;
    return sentence(
               fmt::format("{} over time, {}; every strip is {} high", panel_title(panel),
                           panel.cache ? "objects" : "KB", panel_value(panel, panel.highest())),
               options.screen) +
           "\n" + drawn(panel, seconds, options);
  }
  return fmt::format("No strategy of this table uses {}.\n",
                     options.cache ? cache_name(*options.cache) : "any cache");
}

}  // namespace

std::string render_plot(const Comparison& comparison, const PlotOptions& options) {
  const Screen& screen = options.screen;
  return tinted(subject_line(comparison, screen), Tint::title, screen) +
         paragraphs({strips(comparison, options), proof_lines(comparison, screen)});
}

}  // namespace anonvma
