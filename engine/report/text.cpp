#include <fmt/format.h>

#include <algorithm>

#include "engine/report/grid.h"
#include "engine/report/render.h"
#include "engine/report/rows.h"

namespace anonvma {

namespace {

std::string number(std::uint64_t value) { return fmt::format("{}", value); }
std::string kb(std::uint64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / 1024.0);
}
std::string percent(bool baseline, Change change) {
  if (baseline) return "-";
  if (!change) return "n/a";
  if (*change == 0) return "0.0%";
  return *change < 1000 ? fmt::format("{:+.1f}%", *change) : fmt::format("{:+.0f}%", *change);
}

// Columns of one line; `at_start` and the changes only where the table has them.
struct Columns {
  bool at_start;
  bool changes;
};

std::string cache_text(const CacheBlock& block, Columns show) {
  std::vector<std::string> header{"strategy"};
  if (show.at_start) header.emplace_back("at_start");
  header.insert(header.end(), {"active_objs", "peak_objs", "allocs", "frees", "end_KB"});
  if (show.changes) header.emplace_back("change");
  header.emplace_back("peak_KB");
  if (show.changes) header.emplace_back("change");

  Grid grid(std::move(header));
  for (const CacheRow& row : block.rows) {
    std::vector<std::string> cells{row.strategy};
    if (show.at_start) cells.push_back(number(row.at_start_objs));
    cells.insert(cells.end(),
                 {number(row.use.active_objs), number(row.use.peak_objs), number(row.use.allocs),
                  number(row.use.frees), kb(row.active_bytes)});
    if (show.changes) cells.push_back(percent(row.baseline, row.active_change));
    cells.push_back(kb(row.peak_bytes));
    if (show.changes) cells.push_back(percent(row.baseline, row.peak_change));
    grid.add(std::move(cells));
  }
  return block.spec.name + "\n" + grid.text() + "\n";
}

std::string sum_text(const std::vector<SumRow>& sums, Columns show) {
  const bool changes = show.changes;
  std::vector<std::string> header{"strategy"};
  for (const char* name : {"end_KB", "peak_KB", "slab_KB", "root_locks"}) {
    header.emplace_back(name);
    if (changes) header.emplace_back("change");
  }
  Grid grid(std::move(header));
  for (const SumRow& row : sums) {
    std::vector<std::string> cells{row.strategy};
    const auto add = [&](std::string value, Change change) {
      cells.push_back(std::move(value));
      if (changes) cells.push_back(percent(row.baseline, change));
    };
    add(kb(row.active_bytes), row.active_change);
    add(kb(row.peak_bytes), row.peak_change);
    add(kb(row.slab_bytes), row.slab_change);
    add(number(row.root_locks), row.root_locks_change);
    grid.add(std::move(cells));
  }
  return "sum of the three caches\n" + grid.text() +
         "peak_KB: every cache at its own peak. slab_KB: the slabs those peaks need when packed "
         "perfectly,\na lower bound. root_locks: acquisitions of anon_vma (root) locks.\n" +
         (show.at_start ? "at_start: alive when recording began, also in allocs.\n\n" : "\n");
}

std::string map_count_text(const Comparison& comparison) {
  Grid grid({"strategy", "compared", "mismatches", "rate"});
  std::string firsts;
  for (const ReplayResult& row : comparison.rows) {
    const auto compared = static_cast<double>(row.map_counts_compared);
    const double rate =
        compared == 0 ? 0 : 100 * static_cast<double>(row.map_count_mismatches) / compared;
    grid.add({row.strategy, number(row.map_counts_compared), number(row.map_count_mismatches),
              compared == 0 ? "n/a" : fmt::format("{:.3f}%", rate)});
    if (!row.first_mismatch) continue;
    const Mismatch& first = *row.first_mismatch;
    firsts += wrapped(
        fmt::format("{} first at event {} ({:.6f} s), {} in mm {} ({}): kernel {}, model {}",
                    row.strategy, first.event, static_cast<double>(first.time_ns) / 1e9,
                    printable(first.operation), first.mm, printable(first.comm), first.kernel,
                    first.model),
        0, 2);
  }
  std::string text = "map_count of the kernel against the model\n" + grid.text() + firsts;
  if (!firsts.empty() && comparison.rows.size() > 1 && !comparison.trace.own_strategy.empty())
    text += wrapped(fmt::format("Only {} has to agree, as the recording kernel runs it: other "
                                "designs may merge vmas differently.",
                                comparison.trace.own_strategy),
                    0, 0);
  return text + "\n";
}

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

std::string anomaly_text(const Comparison& comparison, const AnomalyRow& row) {
  std::string counts = number(row.counts.front());
  const bool equal = std::equal(row.counts.begin() + 1, row.counts.end(), row.counts.begin());
  if (!equal) {
    counts.clear();
    for (std::size_t i = 0; i < row.counts.size(); ++i)
      counts +=
          fmt::format("{}{} {}", i == 0 ? "" : ", ", row.counts[i], comparison.rows[i].strategy);
  }
  return wrapped(fmt::format("{}: {} ({}): {}", severity_word(row.info.severity), row.info.name,
                             counts, row.info.meaning),
                 0, 2);
}

std::string geometry_text(const Rows& all) {
  std::string text;
  bool assumed = false;
  for (const CacheBlock& block : all.caches) {
    text += fmt::format("{}{} {}{} ({} per slab of {} page{})", text.empty() ? "" : ", ",
                        block.spec.name, block.spec.objsize, block.assumed ? "*" : "",
                        block.spec.objperslab, block.spec.pagesperslab,
                        block.spec.pagesperslab == 1 ? "" : "s");
    assumed = assumed || block.assumed;
  }
  return text + " bytes" + (assumed ? "; * assumed, the trace does not say" : "");
}

std::string footer_text(const Comparison& comparison, const Rows& all) {
  const TraceSummary& trace = comparison.trace;
  const Meta& meta = trace.meta;
  const double offered = static_cast<double>(trace.events) + static_cast<double>(trace.lost);
  std::string text = labelled("trace", printable(trace.path));
  text += labelled("", fmt::format("hash {}", trace.hash));
  text += labelled("verified", verdict_words(comparison));
  text +=
      labelled("kernel", printable(fmt::format("{} {}, {} CPUs, pages of {} bytes", meta.release,
                                               meta.machine, meta.cpus, meta.page_size)));
  text +=
      labelled("strategy", trace.own_strategy.empty() ? "of that kernel: not known"
                                                      : "of that kernel: " + trace.own_strategy);
  text +=
      labelled("recorded", fmt::format("{:.3f} s, scope {}, faults {}, {} address spaces",
                                       static_cast<double>(trace.duration_ns) / 1e9,
                                       printable(meta.scope), printable(meta.faults), trace.mms));
  text += labelled(
      "events",
      fmt::format("{}, lost {} ({:.2f} %){}", trace.events, trace.lost,
                  offered == 0 ? 0 : 100 * static_cast<double>(trace.lost) / offered,
                  trace.skipped == 0
                      ? ""
                      : fmt::format(", {} records of unknown kinds skipped", trace.skipped)));
  text += labelled("rules", trace.rules);
  text += labelled("objsize", geometry_text(all));
  for (const ReplayResult& row : comparison.rows)
    for (const std::string& reason : row.approximate)
      text += labelled("approximate", printable(row.strategy + ": " + reason));
  if (!trace.damage.empty())
    text += labelled("DAMAGED", printable(trace.damage + "; the table ends there"));
  return text;
}

}  // namespace

std::string render_text(const Comparison& comparison) {
  const Rows all = rows(comparison);
  Columns show{false, comparison.rows.size() > 1};
  for (const CacheBlock& block : all.caches)
    for (const CacheRow& row : block.rows) show.at_start = show.at_start || row.at_start_objs != 0;

  std::string text;
  if (show.changes) text = fmt::format("change: against {}\n\n", comparison.baseline);
  for (const CacheBlock& block : all.caches) text += cache_text(block, show);
  text += sum_text(all.sums, show);
  text += map_count_text(comparison);
  for (const AnomalyRow& row : all.anomalies) text += anomaly_text(comparison, row);
  if (!all.anomalies.empty()) text += "\n";
  return text + footer_text(comparison, all);
}

}  // namespace anonvma
