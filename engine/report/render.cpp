#include "engine/report/render.h"

#include <algorithm>

#include "engine/report/brief.h"
#include "engine/report/formats.h"

namespace anonvma {
namespace {

std::string in_format(const Comparison& comparison, const ReportOptions& options) {
  switch (options.format) {
    case Format::text:
      return render_text(comparison, options);
    case Format::brief:
      return options.in_depth ? render_brief_depth(comparison, options)
                              : render_brief(comparison, options);
    case Format::markdown:
      return render_markdown(comparison, options);
    case Format::lkml:
      return render_lkml(comparison, options);
    case Format::csv:
      return render_csv(comparison, options);
    case Format::json:
      return render_json(comparison, options);
  }
  return {};
}

std::string sum_in_format(const Rows& sum, std::span<const Comparison> comparisons,
                          const ReportOptions& options) {
  const std::size_t traces = comparisons.size();
  const std::optional<double> at_s = comparisons.front().at_s;
  switch (options.format) {
    case Format::text:
      return sum_text(sum, traces, at_s);
    case Format::brief:
      return sum_brief(comparisons, options);
    case Format::markdown:
      return sum_markdown(sum, traces, at_s);
    case Format::lkml:
      return sum_lkml(sum, traces, at_s);
    case Format::csv:
      return sum_csv(sum);
    case Format::json:
      return sum_json(sum, traces, comparisons.front().baseline);
  }
  return {};
}

// Traces can be added up only if they were replayed under the same strategies.
bool adds_up(std::span<const Comparison> comparisons) {
  const auto names = [](const Comparison& comparison) {
    std::vector<std::string> all{comparison.baseline};
    for (const ReplayResult& row : comparison.rows) all.push_back(row.strategy);
    return all;
  };
  return std::all_of(comparisons.begin(), comparisons.end(),
                     [&](const Comparison& c) { return names(c) == names(comparisons.front()); });
}

}  // namespace

std::string render(const Comparison& comparison, const ReportOptions& options) {
  return (options.format == Format::csv ? csv_header() : "") + in_format(comparison, options);
}

std::string render_all(std::span<const Comparison> comparisons, const ReportOptions& options) {
  const bool json = options.format == Format::json, csv = options.format == Format::csv;
  std::string text = json ? "[" : csv ? csv_header() : "";
  std::string_view between;
  const auto append = [&](const std::string& block) {
    text += between;
    text += block;
    between = json ? "," : csv ? "" : "\n\n";
  };
  for (const Comparison& comparison : comparisons) append(in_format(comparison, options));
  if (!comparisons.empty() && adds_up(comparisons)) {
    std::vector<Rows> all;
    for (const Comparison& comparison : comparisons) all.push_back(rows(comparison));
    append(sum_in_format(add_up(all), comparisons, options));
  } else if (!json && !csv && !comparisons.empty()) {
    append("No sum: the traces were replayed under different strategies.\n");
  }
  return text + (json ? "]\n" : "");
}

}  // namespace anonvma
