#include "engine/report/picture/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/report/brief.h"
#include "engine/report/grid.h"
#include "engine/report/markup.h"
#include "engine/report/picture/panels.h"
#include "engine/report/picture/ticks.h"
#include "engine/report/table.h"

namespace anonvma {
namespace {

constexpr std::size_t kPoints = 384;  // more would be a blot where values change often
constexpr double kWidth = 960, kMargin = 16, kLeft = 56, kTop = 26, kBottom = 24, kGap = 24;
constexpr double kSumHeight = 260, kCacheHeight = 190;
constexpr double kLegendRow = 20, kCharacter = 7.2;
constexpr std::size_t kProofColumns = 120;
constexpr double kProofRow = 17;
constexpr std::size_t kColors = 8;

// Lines that lie on each other can still be told apart by their dashes.
constexpr std::string_view kStyle = R"(<style>
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.page { fill: #ffffff; }
.title { font-size: 14px; font-weight: 600; } .name { font-weight: 600; }
.dim { fill: #57606a; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.s0 { stroke: #0b61c4; } .s1 { stroke: #c4431c; stroke-dasharray: 7 2; }
.s2 { stroke: #1a7f37; stroke-dasharray: 2 2; } .s3 { stroke: #8250df; stroke-dasharray: 9 2 2 2; }
.s4 { stroke: #9a6700; stroke-dasharray: 4 3; } .s5 { stroke: #0e7c86; stroke-dasharray: 12 3; }
.s6 { stroke: #bf3989; stroke-dasharray: 1 3; } .s7 { stroke: #57606a; stroke-dasharray: 6 2 1 2; }
@media (prefers-color-scheme: dark) {
.page { fill: #14171b; } text { fill: #d7dde4; } .dim { fill: #9aa4af; } .grid { stroke: #353c44; }
.s0 { stroke: #6cb0ff; } .s1 { stroke: #ff9270; } .s2 { stroke: #56c271; } .s3 { stroke: #c297ff; }
.s4 { stroke: #d9a72c; } .s5 { stroke: #4cc3cd; } .s6 { stroke: #f385c1; } .s7 { stroke: #a8b1bb; }
}
</style>
)";

struct Box {
  double x = 0, y = 0, width = 0, height = 0;  // of the area that lines are drawn in
};

std::string text(double x, double y, std::string_view words, std::string_view attributes) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, attributes,
                     markup_of(words));
}

std::string rule(double x1, double y1, double x2, double y2) {
  return fmt::format(
      "<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", x1, y1,
      x2, y2);
}

double unit(const Panel& panel) { return panel.cache ? 1 : 1024; }

std::string axes(const Panel& panel, const Box& box, double highest, double seconds) {
  std::string out;
  for (const Tick& tick : ticks(highest / unit(panel), 4)) {
    const double y = box.y + box.height - tick.value * unit(panel) / highest * box.height;
    out += rule(box.x, y, box.x + box.width, y) +
           text(box.x - 6, y + 4, tick.text, R"(class="dim" text-anchor="end")");
  }
  for (const Tick& tick : ticks(seconds, static_cast<std::size_t>(box.width / 90))) {
    const double x = box.x + tick.value / seconds * box.width;
    out +=
        rule(x, box.y + box.height, x, box.y + box.height + 4) +
        text(x, box.y + box.height + 17, tick.text + " s", R"(class="dim" text-anchor="middle")");
  }
  return out;
}

// Steps: a value stays until it changes.
std::string steps(const PanelLine& line, const Box& box, double highest) {
  const double width = box.width / static_cast<double>(line.max.size());
  const auto y_of = [&](std::uint64_t value) {
    return box.y + box.height - static_cast<double>(value) / highest * box.height;
  };
  std::string path;
  for (std::size_t i = 0; i < line.max.size(); ++i) {
    if (i == 0)
      path += fmt::format("M{:.1f} {:.1f}", box.x, y_of(line.max[i]));
    else if (line.max[i] != line.max[i - 1])
      path +=
          fmt::format("H{:.1f}V{:.1f}", box.x + static_cast<double>(i) * width, y_of(line.max[i]));
  }
  return path + fmt::format("H{:.1f}", box.x + box.width);
}

class Drawing {
 public:
  explicit Drawing(const Comparison& comparison)
      : comparison_(comparison), panels_(panels(comparison, kPoints)) {}

  double height() const { return height_; }
  const std::string& body() const { return body_; }

  void draw(double top) {
    height_ = top;
    heading();
    legend();
    bool right = false;
    for (const Panel& panel : panels_.all) {
      if (!panel.cache) {
        place(panel, kMargin, kWidth - 2 * kMargin, kSumHeight);
        height_ += kSumHeight + kGap;
        continue;
      }
      const double half = (kWidth - 2 * kMargin - kGap) / 2;
      place(panel, kMargin + (right ? half + kGap : 0), half, kCacheHeight);
      if (right) height_ += kCacheHeight + kGap;
      right = !right;
    }
    if (right) height_ += kCacheHeight + kGap;
    proof();
  }

 private:
  std::size_t color_of(const std::string& strategy) const {
    for (std::size_t i = 0; i < comparison_.rows.size(); ++i)
      if (comparison_.rows[i].strategy == strategy) return i % kColors;
    return 0;
  }

  void heading() {
    height_ += 20;
    body_ += text(kMargin, height_,
                  fmt::format("Slab objects over time: {}", printable(comparison_.trace.path)),
                  R"(class="title")");
    height_ += 18;
    body_ += text(kMargin, height_,
                  fmt::format("kernel {} {}; lines show the most within each {:.6g} ms",
                              printable(comparison_.trace.meta.release),
                              printable(comparison_.trace.meta.machine),
                              static_cast<double>(panels_.width_ns) / 1e6),
                  R"(class="dim")");
    height_ += 10;
  }

  void legend() {
    double x = kMargin;
    height_ += kLegendRow;
    for (const ReplayResult& row : comparison_.rows) {
      const std::string name =
          row.strategy + (row.strategy == comparison_.baseline ? " (baseline)" : "");
      const double width = 40 + kCharacter * static_cast<double>(name.size());
      if (x > kMargin && x + width > kWidth - kMargin) {
        x = kMargin;
        height_ += kLegendRow;
      }
      body_ += fmt::format("<path class=\"line s{}\" d=\"M{:.1f} {:.1f}h24\"/>\n",
                           color_of(row.strategy), x, height_ - 4);
      body_ += text(x + 30, height_, name, "");
      x += width;
    }
    height_ += 12;
  }

  void proof() {
    const std::string lines = proof_lines(comparison_, {.columns = kProofColumns});
    for (std::size_t begin = 0, end = 0; (end = lines.find('\n', begin)) != lines.npos;
         begin = end + 1) {
      height_ += kProofRow;
      body_ += text(kMargin, height_, lines.substr(begin, end - begin), R"(class="dim")");
    }
    height_ += kGap;
  }

  void place(const Panel& panel, double x, double width, double height) {
    const Box box{x + kLeft, height_ + kTop, width - kLeft - 8, height - kTop - kBottom};
    const double highest = std::max<double>(static_cast<double>(panel.highest()), unit(panel));
    const double seconds = static_cast<double>(panels_.width_ns * panels_.points) / 1e9;
    body_ += text(x, height_ + 14,
                  fmt::format("{}, {}", panel_title(panel), panel.cache ? "objects" : "KB"),
                  R"(class="name")");
    body_ += axes(panel, box, highest, seconds);
    for (const PanelLine& line : panel.lines)
      body_ += fmt::format("<path class=\"line s{}\" d=\"{}\"/>\n", color_of(line.strategy),
                           steps(line, box, highest));
  }

  const Comparison& comparison_;
  const Panels panels_;
  std::string body_;
  double height_ = 0;
};

}  // namespace

std::string render_svg(std::span<const Comparison> comparisons) {
  std::string body;
  double height = 0;
  for (const Comparison& comparison : comparisons) {
    Drawing drawing(comparison);
    drawing.draw(height);
    body += drawing.body();
    height = drawing.height();
  }
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
             "viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\">\n",
             kWidth, height) +
         "<title>Slab objects over time under anon_vma designs</title>\n" + std::string(kStyle) +
         "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n" + body + "</svg>\n";
}

}  // namespace anonvma
