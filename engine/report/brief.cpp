// The short table of `compare`: one trace, or the sum of several.
#include "engine/report/brief.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/report/grid.h"
#include "engine/report/reach_lines.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

constexpr std::string_view kMore =
    "More: --full (all tables), --by comm, --at SECONDS, --format lkml|json.";

std::string title(const Comparison& comparison, const std::string& when, const Screen& screen) {
  const std::string against =
      comparison.rows.size() == 1 ? "" : ", change against " + comparison.baseline;
  return sentence(fmt::format("{}{}; walk is the p99:", when, against), screen);
}

std::string peak_title(const Comparison& comparison, const Screen& screen) {
  return title(comparison, "Objects at each design's peak", screen);
}

std::string at_title(const Comparison& comparison, const Screen& screen) {
  return title(comparison, fmt::format("Objects at {:.3f} s", comparison.at_s.value_or(0)), screen);
}

// The tables that were asked for by an option, in full.
void add_asked_tables(std::vector<std::string>& blocks, const Comparison& comparison,
                      const ReportOptions& options) {
  const Screen& screen = options.screen;
  if (const auto at = brief_rows(comparison, BriefMoment::at); !at.empty())
    blocks.push_back(at_title(comparison, screen) + brief_table(at, screen));
  if (const Table slubs = slub_table(comparison); !slubs.rows.empty())
    blocks.push_back(draw(slubs, screen.columns));
  for (const Table& table : holder_tables(comparison, options))
    blocks.push_back(draw(table, screen.columns));
  blocks.push_back(reach_lines(comparison));
}

}  // namespace

std::string render_brief(const Comparison& comparison, const ReportOptions& options) {
  const Screen& screen = options.screen;
  std::vector<std::string> blocks{tinted(subject_line(comparison, screen), Tint::title, screen) +
                                      peak_title(comparison, screen),
                                  brief_table(brief_rows(comparison, BriefMoment::peak), screen)};
  add_asked_tables(blocks, comparison, options);
  blocks.push_back(proof_lines(comparison, screen) +
                   tinted(sentence(kMore, screen), Tint::quiet, screen));
  return paragraphs(blocks);
}

std::string sum_brief(std::span<const Comparison> comparisons, const ReportOptions& options) {
  const Screen& screen = options.screen;
  const auto table_at = [&](BriefMoment moment) {
    std::vector<std::vector<BriefRow>> all;
    for (const Comparison& comparison : comparisons) all.push_back(brief_rows(comparison, moment));
    return brief_table(add_up(all), screen);
  };
  const Comparison& first = comparisons.front();
  const std::string name = fmt::format("Sum of {} traces", comparisons.size());
  std::vector<std::string> blocks{
      tinted(sentence(name, screen), Tint::title, screen) + peak_title(first, screen),
      table_at(BriefMoment::peak)};
  if (first.at_s) blocks.push_back(at_title(first, screen) + table_at(BriefMoment::at));
  blocks.push_back(sentence(kSumOfPeaks, screen));
  return paragraphs(blocks);
}

}  // namespace anonvma
