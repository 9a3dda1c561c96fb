#include "engine/report/look/svg.h"

#include <fmt/format.h>

#include "engine/report/grid.h"
#include "engine/report/markup.h"

namespace anonvma {
namespace {

// The classes that drawings use.
constexpr std::string_view kStyle = R"(<style>
  svg { background: #ffffff; color-scheme: light dark }
  text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; fill: #1b1f24 }
  .head { font-size: 15px; font-weight: bold }
  .dim { fill: #5c6570 }
  .box { fill: #f3f5f7; stroke: #8a94a0 }
  .faulted { fill: #e3eefb; stroke: #2563a8 }
  .object { fill: #fdf3dc; stroke: #a06a00 }
  .other { fill: #fdf3dc; stroke: #a06a00; stroke-dasharray: 4 3 }
  .link { fill: none; stroke: #9aa3ad }
  .own { fill: none; stroke: #2563a8; stroke-width: 2 }
  .parent { fill: none; stroke: #a06a00; stroke-dasharray: 2 3 }
  @media (prefers-color-scheme: dark) {
    svg { background: #14181d }
    text { fill: #e4e8ec }
    .dim { fill: #9aa5b1 }
    .box { fill: #1f252c; stroke: #6a7684 }
    .faulted { fill: #17304d; stroke: #6fa8e8 }
    .object, .other { fill: #3a2d10; stroke: #d9a441 }
    .link { stroke: #5a6572 }
    .own { stroke: #6fa8e8 }
    .parent { stroke: #d9a441 }
  }
</style>
)";

}  // namespace

std::string xml_text(std::string_view text) { return markup_of(printable(text)); }

void Svg::rect(double x, double y, double width, double height, std::string_view style) {
  body_ += fmt::format(
      "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
      "rx=\"3\"/>\n",
      style, x, y, width, height);
}

void Svg::text(double x, double y, std::string_view text, std::string_view style,
               std::string_view title) {
  const std::string tip =
      title.empty() ? std::string() : fmt::format("<title>{}</title>", xml_text(title));
  body_ += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}{}</text>\n", style, x, y,
                       tip, xml_text(text));
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view style) {
  body_ +=
      fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                  style, x1, y1, x2, y2);
}

void Svg::curve(double x1, double y1, double x2, double y2, std::string_view style) {
  const double bend = (x2 - x1) / 2;
  body_ += fmt::format(
      "<path class=\"{}\" d=\"M{:.1f} {:.1f} C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}\"/>\n",
      style, x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2);
}

std::string Svg::document(double width, double height, std::string_view title) const {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
             "width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\">\n<title>{2}</title>\n",
             width, height, xml_text(title)) +
         std::string(kStyle) + body_ + "</svg>\n";
}

}  // namespace anonvma
