// The verdict of `verify` on one screen: the answer, then only what differs or is in doubt.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/report/brief.h"
#include "engine/report/grid.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

constexpr std::size_t kMostDifferences = 4;
constexpr std::size_t kLongestDifference = 300;

struct Counts {
  std::uint64_t lanes = 0, compared = 0, differing_lanes = 0, differing = 0;
  explicit Counts(const Verdict& verdict) {
    for (const Lane& lane : verdict.lanes) {
      if (!lane.not_available.empty()) continue;
      ++lanes;
      compared += lane.compared;
      differing += lane.compared - lane.equal;
      if (!lane.agrees()) ++differing_lanes;
    }
  }
};

std::string answer(const Comparison& comparison, const Screen& screen) {
  const Verdict& verdict = *comparison.verdict;
  const Counts counts(verdict);
  if (!comparison.trace.damage.empty())
    return tinted("NOT VERIFIED: the trace is damaged", Tint::worse, screen) + "\n";
  if (!verdict.agrees())
    return tinted(fmt::format("DIFFERS from the kernel in {} of {} comparisons, {} of {} lanes",
                              grouped(counts.differing), grouped(counts.compared),
                              counts.differing_lanes, counts.lanes),
                  Tint::worse, screen) +
           "\n";
  return tinted(fmt::format("EQUAL to the kernel in {} comparisons, {} of {} lanes",
                            grouped(counts.compared), counts.lanes, verdict.lanes.size()),
                Tint::better, screen) +
         "\n";
}

// The lanes without a comparison, by their reason.
std::string missing_lanes(const Verdict& verdict, const Screen& screen) {
  std::vector<std::pair<std::string, std::vector<std::string_view>>> reasons;
  for (const Lane& lane : verdict.lanes) {
    if (lane.not_available.empty()) continue;
    if (reasons.empty() || reasons.back().first != lane.not_available)
      reasons.push_back({lane.not_available, {}});
    reasons.back().second.push_back(lane.name);
  }
  std::string text;
  for (const auto& [reason, lanes] : reasons)
    text += sentence(lanes.size() <= 3 ? fmt::format("not compared: {}: {}", fmt::join(lanes, ", "),
                                                     printable(reason))
                                       : fmt::format("not compared: {} lanes, of objects: {}",
                                                     lanes.size(), printable(reason)),
                     screen);
  return text;
}

std::string differences(const Verdict& verdict, const Screen& screen) {
  std::string text;
  for (const Lane& lane : verdict.lanes)
    if (!lane.agrees())
      text += fmt::format("  {:30} {:>9} of {:>9} differ\n", lane.name,
                          grouped(lane.compared - lane.equal), grouped(lane.compared));
  const std::size_t shown = std::min(verdict.differences.size(), kMostDifferences);
  for (std::size_t i = 0; i < shown; ++i) {
    std::string difference = printable(verdict.differences[i]);
    if (difference.size() > kLongestDifference)
      difference = difference.substr(0, kLongestDifference - 3) + "...";
    text += sentence("difference: " + difference, screen);
  }
  if (shown < verdict.differences.size())
    text += fmt::format("{} more differences: --full\n", verdict.differences.size() - shown);
  return text;
}

std::string reservations(const Comparison& comparison, const Screen& screen) {
  const Verdict& verdict = *comparison.verdict;
  std::string text;
  for (const std::string& doubt : verdict.doubts) text += sentence("doubt: " + doubt, screen);
  Rows all = rows(comparison);
  std::erase_if(all.anomalies,
                [](const AnomalyRow& row) { return row.info.severity != Severity::error; });
  for (const std::string& line : anomaly_lines(comparison, all)) text += sentence(line, screen);
  std::uint64_t left_out = 0, unseen = 0;
  for (const Excluded& excluded : verdict.excluded)
    for (const std::uint64_t objs : excluded.objs) left_out += objs;
  for (const auto& [call, count] : verdict.unseen_writers) unseen += count;
  if (left_out > 0)
    text += sentence(fmt::format("left out: {} objects that the model does not build, of {} kinds",
                                 grouped(left_out), verdict.excluded.size()),
                     screen);
  if (unseen > 0)
    text +=
        sentence(fmt::format("unseen writers: {} write acquires by {} calls, shown by snapshots",
                             grouped(unseen), verdict.unseen_writers.size()),
                 screen);
  return text;
}

}  // namespace

std::string render_verdict_brief(const Comparison& comparison, const Screen& screen) {
  const Verdict& verdict = *comparison.verdict;
  const TraceSummary& trace = comparison.trace;
  std::string text = answer(comparison, screen) + differences(verdict, screen) +
                     reservations(comparison, screen) + missing_lanes(verdict, screen) + "\n";
  text += subject_line(comparison, screen);
  text +=
      lines_of({{"model", fmt::format("{} under the rules of {}", trace.own_strategy, trace.rules)},
                {"events", fmt::format("{}, {}", grouped(trace.events), lost_text(trace))}},
               screen);
  if (!trace.meta.tier.empty())
    text += lines_of({{"accuracy", printable(trace.meta.tier)}}, screen);
  if (trace.skipped > 0)
    text += sentence(fmt::format("{} records or chunks of unknown kinds skipped", trace.skipped),
                     screen);
  if (!trace.damage.empty()) text += sentence("DAMAGED: " + printable(trace.damage), screen);
  return text + tinted(sentence("More: --full (every lane, everything left out), --json.", screen),
                       Tint::quiet, screen);
}

}  // namespace anonvma
