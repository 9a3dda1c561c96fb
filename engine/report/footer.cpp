// The sources of a table, and its anomalies.
#include <fmt/format.h>

#include <algorithm>

#include "engine/report/grid.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

std::string_view severity_word(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "note";
    case Severity::data_loss:
      return "DATA LOSS";
    case Severity::error:
      return "ERROR";
  }
  return "";
}

std::string_view source_words(SpecSource source) {
  switch (source) {
    case SpecSource::trace:
      return "";
    case SpecSource::table:
      return ", by table";
    case SpecSource::option:
      return ", as asked for";
    case SpecSource::assumed:
      return ", assumed: the trace does not say";
  }
  return "";
}

std::string spec_text(const CacheRow& row) {
  return fmt::format("{} bytes ({} per slab of {} page{}{})", row.spec.objsize, row.spec.objperslab,
                     row.spec.pagesperslab, row.spec.pagesperslab == 1 ? "" : "s",
                     source_words(row.source));
}

// One line where all strategies agree, else one for each group that differs.
std::vector<std::string> geometry_lines(const CacheBlock& block) {
  std::vector<std::string> lines;
  std::vector<const CacheRow*> listed;
  const auto same = [](const CacheRow& a, const CacheRow& b) {
    return a.spec == b.spec && a.source == b.source;
  };
  for (const CacheRow& row : block.rows) {
    if (std::any_of(listed.begin(), listed.end(), [&](const CacheRow* t) { return same(*t, row); }))
      continue;
    listed.push_back(&row);
    std::string names;
    for (const CacheRow& other : block.rows)
      if (same(row, other)) names += (names.empty() ? "" : ", ") + other.strategy;
    const bool all = std::all_of(block.rows.begin(), block.rows.end(),
                                 [&](const CacheRow& other) { return same(row, other); });
    lines.push_back(fmt::format("{} {}{}", block.name, spec_text(row),
                                all ? "" : fmt::format(" under {}", names)));
  }
  return lines;
}

std::string events_text(const TraceSummary& trace) {
  return fmt::format(
      "{}, {}{}", trace.events, lost_text(trace),
      trace.skipped == 0
          ? ""
          : fmt::format(", {} records or chunks of unknown kinds skipped", trace.skipped));
}

void add_rules(const Comparison& comparison, Footer& lines) {
  const auto own = [&](const ReplayResult& row) {
    return row.rules.empty() || row.rules == comparison.trace.rules;
  };
  lines.emplace_back("rules", comparison.trace.rules);
  for (const ReplayResult& row : comparison.rows)
    if (!own(row)) lines.emplace_back("", fmt::format("{} under {}", row.strategy, row.rules));
  std::vector<std::pair<std::string, std::string>> assumed;  // assumption, strategies
  for (const ReplayResult& row : comparison.rows) {
    if (row.assumed.empty()) continue;
    const auto same = std::find_if(assumed.begin(), assumed.end(),
                                   [&](const auto& a) { return a.first == row.assumed; });
    if (same == assumed.end())
      assumed.emplace_back(row.assumed, row.strategy);
    else
      same->second += ", " + row.strategy;
  }
  for (const auto& [what, strategies] : assumed)
    lines.emplace_back("", fmt::format("assumed for {}: {}", strategies, what));
}

}  // namespace

// The share of lost records in all records.
double lost_percent(const TraceSummary& trace) {
  const double offered = static_cast<double>(trace.events) + static_cast<double>(trace.lost);
  return offered == 0 ? 0 : 100 * static_cast<double>(trace.lost) / offered;
}

std::string lost_text(const TraceSummary& trace) {
  return fmt::format(
      "lost {} ({:.2f} %), tainted mms {}{}", trace.lost, lost_percent(trace), trace.tainted_mms,
      trace.tainted_at_end == 0 ? "" : fmt::format(" ({} at the end)", trace.tainted_at_end));
}

std::vector<std::string> anomaly_lines(const Comparison& comparison, const Rows& all) {
  std::vector<std::string> lines;
  for (const AnomalyRow& row : all.anomalies) {
    std::string counts = number(row.counts.front());
    const bool equal = std::equal(row.counts.begin() + 1, row.counts.end(), row.counts.begin());
    if (!equal) {
      counts.clear();
      for (std::size_t i = 0; i < row.counts.size(); ++i)
        counts +=
            fmt::format("{}{} {}", i == 0 ? "" : ", ", row.counts[i], comparison.rows[i].strategy);
    }
    lines.push_back(fmt::format("{}: {} ({}): {}", severity_word(row.info.severity), row.info.name,
                                counts, row.info.meaning));
  }
  return lines;
}

namespace {

void add_slice(const Meta& meta, Footer& lines) {
  const CutInfo& cut = meta.cut;
  if (cut == CutInfo{}) return;
  const std::string source = cut.source.empty() ? "another trace" : "trace " + cut.source;
  lines.emplace_back("slice", printable(fmt::format("{:.3f} s to {:.3f} s of {}",
                                                    static_cast<double>(cut.from_ns) / 1e9,
                                                    static_cast<double>(cut.to_ns) / 1e9, source)));
  for (const std::string& note : cut.notes) lines.emplace_back("", printable(note));
}

}  // namespace

Footer footer(const Comparison& comparison, const Rows& all) {
  const TraceSummary& trace = comparison.trace;
  const Meta& meta = trace.meta;
  Footer lines;
  lines.emplace_back("trace", printable(trace.path));
  lines.emplace_back("", fmt::format("hash {}", trace.hash));
  if (!trace.command.empty()) lines.emplace_back("command", printable(trace.command));
  if (!meta.cgroup.empty()) lines.emplace_back("cgroup", printable(meta.cgroup));
  lines.emplace_back("verified", verdict_words(comparison));
  if (!meta.tier.empty()) lines.emplace_back("accuracy", printable(meta.tier));
  lines.emplace_back("kernel",
                     printable(fmt::format("{} {}, {} CPUs, pages of {} bytes", meta.release,
                                           meta.machine, meta.cpus, meta.page_size)));
  lines.emplace_back("strategy", trace.own_strategy.empty()
                                     ? "of that kernel: not known"
                                     : "of that kernel: " + trace.own_strategy);
  lines.emplace_back(
      "recorded", fmt::format("{:.3f} s, scope {}, faults {}, {} address spaces",
                              static_cast<double>(trace.duration_ns) / 1e9, printable(meta.scope),
                              printable(meta.faults), trace.mms));
  add_slice(meta, lines);
  lines.emplace_back("events", events_text(trace));
  const double last_s = comparison.rows.empty()
                            ? 0
                            : static_cast<double>(comparison.rows.front().end.slab.time_ns) / 1e9;
  if (comparison.at_s && *comparison.at_s > last_s)
    lines.emplace_back("", fmt::format("{:.3f} s is after the last of them: the state at the end",
                                       *comparison.at_s));
  add_rules(comparison, lines);
  for (const ReplayResult& row : comparison.rows)
    if (!row.basis.empty())
      lines.emplace_back("proposal", fmt::format("{}: {}", row.strategy, row.basis));
  bool first = true;
  for (const CacheBlock& block : all.caches)
    for (const std::string& line : geometry_lines(block))
      lines.emplace_back(std::exchange(first, false) ? "objsize" : "", line);
  for (const ReplayResult& row : comparison.rows)
    for (const std::string& reason : row.approximate)
      lines.emplace_back("approximate", printable(row.strategy + ": " + reason));
  if (!trace.damage.empty())
    lines.emplace_back("DAMAGED", printable(trace.damage + "; the table ends there"));
  return lines;
}

}  // namespace anonvma
