// A cover letter's table: plain ASCII, 75 columns, objects and KB at the moments that matter.
#include <fmt/format.h>

#include <algorithm>

#include "engine/report/formats.h"
#include "engine/report/grid.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

constexpr std::size_t kMailColumns = 75;
constexpr std::size_t kNameColumns = 38;  // the rest of the line, beside three columns of numbers

// Long names would push the numbers out of the mail: such names get a number and a legend.
struct MailNames {
  std::vector<std::string> legend;
  std::string operator()(const std::string& name) {
    if (name.size() + 2 <= kNameColumns) return name;
    std::size_t i = 0;
    while (i < legend.size() && legend[i] != name) ++i;
    if (i == legend.size()) legend.push_back(name);
    return fmt::format("{} [{}]", name.substr(0, name.find(':')), i + 1);
  }
  std::string text() const {
    std::string lines;
    for (std::size_t i = 0; i < legend.size(); ++i)
      lines += wrapped(fmt::format("[{}] {}", i + 1, legend[i]), 0, 4, kMailColumns);
    return lines;
  }
};

template <class OfCache, class OfSum>
std::string moment_text(const Rows& all, std::string title, OfCache of_cache, OfSum of_sum) {
  const bool changes = all.sums.size() > 1;
  std::vector<std::string> header{std::move(title), "objects", "KB"};
  if (changes) header.emplace_back("change");
  Grid grid(header);
  MailNames names;
  const auto add = [&](const std::string& strategy, std::string objs, const Amount& amount,
                       bool baseline) {
    std::vector<std::string> cells{fmt::format("  {}", names(strategy)), std::move(objs),
                                   kb(amount.bytes)};
    if (changes) cells.push_back(percent(baseline, amount.change));
    grid.add(std::move(cells));
  };
  const std::vector<std::string> empty(header.size() - 1);
  const auto heading = [&](std::string name) {
    std::vector<std::string> cells{std::move(name)};
    cells.insert(cells.end(), empty.begin(), empty.end());
    grid.add(std::move(cells));
  };
  for (const CacheBlock& block : all.caches) {
    heading(block.name);
    for (const CacheRow& row : block.rows) {
      if (!row.shown(block.cache)) continue;
      const Amount& amount = of_cache(row);
      add(row.strategy, number(amount.objs), amount, row.baseline);
    }
  }
  heading("sum");
  for (const SumRow& row : all.sums) add(row.strategy, "", of_sum(row), row.baseline);
  std::string remaps;
  for (const SumRow& row : all.sums)
    if (of_sum(row).remap_entries > 0)
      remaps += wrapped(remap_line(row.strategy, of_sum(row)), 0, 2, kMailColumns);
  return grid.text(kMailColumns) + names.text() + remaps + "\n";
}

std::string moments_text(const Rows& all, std::optional<double> at_s) {
  std::string text = moment_text(
      all, "peak of the sum", [](const CacheRow& row) -> const Amount& { return row.peak; },
      [](const SumRow& row) -> const Amount& { return row.peak; });
  if (!all.sums.empty() && all.sums.front().at)
    text += moment_text(
        all, fmt::format("at {:.3f} s", at_s.value_or(0)),
        [](const CacheRow& row) -> const Amount& { return *row.at; },
        [](const SumRow& row) -> const Amount& { return *row.at; });
  if (std::all_of(all.sums.begin(), all.sums.end(),
                  [](const SumRow& row) { return row.end.bytes == 0; }))
    return text + "At the end nothing is left under any of them.\n\n";
  return text + moment_text(
                    all, "at the end", [](const CacheRow& row) -> const Amount& { return row.end; },
                    [](const SumRow& row) -> const Amount& { return row.end; });
}

// The lines of churn, locks and walks that fit into a mail.
std::string costs_text(const Comparison& comparison) {
  Grid grid({"", "allocs", "root locks", "walk p50", "p99", "max"});
  MailNames names;
  for (const ReplayResult& row : comparison.rows) {
    const Walks& walks = row.peak.walks;
    const auto walk = [&](std::uint64_t n) { return walks.vmas == 0 ? "-" : number(n); };
    grid.add({names(row.strategy), number(churned_objs(row)), number(row.root_locks),
              walk(walks.median), walk(walks.p99), walk(walks.max)});
  }
  return grid.text(kMailColumns) +
         wrapped(
             "allocs: objects of all caches that the operations allocated. root locks: "
             "acquisitions in the "
             "rmap layer. walk: vmas visited by an rmap walk at the peak, per faulted vma.",
             0, 0, kMailColumns) +
         "\n";
}

}  // namespace

std::string render_lkml(const Comparison& comparison, const ReportOptions& options) {
  const Rows all = rows(comparison);
  std::string text;
  if (comparison.rows.size() > 1)
    text = wrapped(fmt::format("Slab objects under {} anon_vma designs, change against {}:",
                               comparison.rows.size(), comparison.baseline),
                   0, 0, kMailColumns) +
           "\n";
  text += moments_text(all, comparison.at_s) + costs_text(comparison);
  for (const Table& table : holder_tables(comparison, options)) {
    Grid grid(table.header);
    for (const auto& cells : table.rows) grid.add(cells);
    text += wrapped(table.title, 0, 2, kMailColumns) + grid.text(kMailColumns);
    for (const std::string& note : table.notes) text += wrapped(note, 0, 2, kMailColumns);
    text += "\n";
  }
  for (const ReplayResult& row : comparison.rows)
    if (row.reach)
      text += wrapped(fmt::format("reach {}: {} pages unreachable by rmap walks in {} checks",
                                  row.strategy, row.reach->pages, row.reach->checks),
                      0, 2, kMailColumns);
  const std::vector<std::string> anomalies = anomaly_lines(comparison, all);
  for (const std::string& line : anomalies) text += wrapped(line, 0, 2, kMailColumns);
  if (!anomalies.empty()) text += "\n";
  for (const auto& [label, words] : footer(comparison, all))
    text += labelled(label, words, kMailColumns);
  return text;
}

std::string sum_lkml(const Rows& sum, std::size_t traces, std::optional<double> at_s) {
  std::string against;
  for (const SumRow& row : sum.sums)
    if (row.baseline && sum.sums.size() > 1)
      against = fmt::format(", change against {}", row.strategy);
  return wrapped(fmt::format("Sum of {} traces{}:", traces, against), 0, 0, kMailColumns) + "\n" +
         moments_text(sum, at_s) + wrapped(kSumOfPeaks, 0, 2, kMailColumns);
}

}  // namespace anonvma
