#include "engine/report/html/html.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "engine/report/grid.h"
#include "engine/report/html/page_data.h"
#include "engine/report/html/page_parts.h"
#include "engine/report/json.h"
#include "engine/report/markup.h"
#include "engine/report/picture/svg.h"
#include "engine/report/render.h"

namespace anonvma {
namespace {

constexpr std::size_t kLongestText = std::size_t{16} << 10;
// The smallest page that is tried has this many points, which are still a picture.
constexpr std::size_t kFewestPoints = 128;

// A header may hold texts of any length.
void cut_long_texts(Json& json) {
  if (json.is_structured()) {
    for (Json& part : json) cut_long_texts(part);
  } else if (auto* text = json.get_ptr<std::string*>();
             text != nullptr && text->size() > kLongestText) {
    text->resize(kLongestText);
    *text += "... (cut off)";
  }
}

// JSON inside of a script element: no "<" may stand there.
std::string for_script(Json json) {
  cut_long_texts(json);
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

std::string mail_table(std::span<const Comparison> comparisons) {
  const ReportOptions options{.format = Format::lkml};
  std::string text = comparisons.size() == 1 ? render(comparisons.front(), options)
                                             : render_all(comparisons, options);
  if (const std::size_t most = 8 * kLongestText; text.size() > most) {
    text.resize(most);
    text += "... (cut off)\n";
  }
  return text;
}

std::string title_of(std::span<const Comparison> comparisons) {
  if (comparisons.size() > 1) return fmt::format("{} traces", comparisons.size());
  const std::string path = printable(comparisons.front().trace.path);
  return path.substr(path.rfind('/') + 1).substr(0, 200);
}

// Replaces each "{{name}}" of the template. What is put in is not looked at again.
std::string filled(std::string_view text,
                   std::span<const std::pair<std::string_view, std::string>> values) {
  std::string out;
  while (!text.empty()) {
    const std::size_t begin = text.find("{{"), end = text.find("}}", begin);
    if (begin == text.npos || end == text.npos) break;
    out += text.substr(0, begin);
    const std::string_view name = text.substr(begin + 2, end - begin - 2);
    for (const auto& [known, value] : values)
      if (known == name) out += value;
    text.remove_prefix(end + 2);
  }
  return out.append(text);
}

std::string page(std::span<const Comparison> comparisons, const std::optional<ChartLibrary>& charts,
                 const PageLimits& limits) {
  Json traces = Json::array();
  for (const Comparison& comparison : comparisons) traces.push_back(page_data(comparison, limits));
  const Json data = {{"schema", "anonvma.report/1"},
                     {"generator", "anonvma " ANONVMA_VERSION},
                     {"traces", std::move(traces)}};
  const ChartLibrary library = charts.value_or(ChartLibrary{});
  const std::vector<std::pair<std::string_view, std::string>> values{
      {"title", markup_of(title_of(comparisons))},
      {"style", std::string(library.style) + std::string(page_parts::kStyle)},
      {"pictures", charts ? "" : render_svg(comparisons)},
      {"mail", markup_of(mail_table(comparisons))},
      {"licence", markup_of(library.licence)},
      {"data", for_script(data)},
      {"charts", std::string(library.script)},
      {"script", std::string(page_parts::kScript)}};
  return filled(page_parts::kHtml, values);
}

PageLimits smaller(const PageLimits& limits) {
  return {limits.points / 2, limits.nodes / 2, limits.holders / 2 + 5};
}

// Leaves out the sizes that cannot fit, as each value has a digit and a comma.
PageLimits first_limits(std::span<const Comparison> comparisons) {
  std::size_t lines = 0;
  for (const Comparison& comparison : comparisons)
    lines += 2 * comparison.rows.size() * (1 + kNumCaches);
  PageLimits limits;
  while (limits.points > kFewestPoints && 2 * lines * limits.points > kMostPageBytes)
    limits = smaller(limits);
  return limits;
}

}  // namespace

std::optional<ChartLibrary> chart_library() {
  if (page_parts::kChartScript.empty()) return {};
  return ChartLibrary{page_parts::kChartScript, page_parts::kChartStyle, page_parts::kChartLicence};
}

Result<std::string> render_html(std::span<const Comparison> comparisons,
                                const std::optional<ChartLibrary>& charts) {
  for (PageLimits limits = first_limits(comparisons);; limits = smaller(limits)) {
    std::string text = page(comparisons, charts, limits);
    if (text.size() <= kMostPageBytes) return text;
    if (limits.points <= kFewestPoints)
      return Error{
          ErrorCode::usage,
          fmt::format("the report of {} traces under {} designs would be larger than {} "
                      "MiB: name fewer traces or --strategies",
                      comparisons.size(), comparisons.front().rows.size(), kMostPageBytes >> 20),
          Error::kNoOffset};
  }
}

}  // namespace anonvma
