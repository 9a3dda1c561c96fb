// The short report of `replay`: one strategy.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/report/brief.h"
#include "engine/report/grid.h"
#include "engine/report/reach_lines.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

constexpr std::string_view kMoreInDepth =
    "More: --full (by operation, slabs, histogram), --by comm, --at SECONDS, --json.";

std::vector<std::string> numbers_of(const CacheRow& row, const Screen& screen, bool has_at) {
  std::vector<std::string> cells{grouped(row.peak.objs), amount_text(row.peak.bytes, screen),
                                 grouped(row.use.allocs), grouped(row.use.frees),
                                 grouped(row.end.objs)};
  if (has_at) cells.push_back(row.at ? grouped(row.at->objs) : "");
  return cells;
}

std::string cache_grid(const Comparison& comparison, const Screen& screen) {
  const Rows all = rows(comparison);
  const SumRow& sum = all.sums.front();
  std::vector<std::string> header{"", "at the peak", "memory", "allocated", "freed", "at the end"};
  if (sum.at) header.push_back(fmt::format("at {:.3f} s", comparison.at_s.value_or(0)));
  Grid grid(header);
  for (const CacheBlock& block : all.caches) {
    const CacheRow& row = block.rows.front();
    if (!row.shown(block.cache)) continue;
    std::vector<std::string> cells = numbers_of(row, screen, sum.at.has_value());
    cells.insert(cells.begin(), block.name);
    grid.add(std::move(cells));
  }
  std::vector<std::string> last(header.size());
  last[0] = "sum";
  last[2] = amount_text(sum.peak.bytes, screen);
  grid.add(std::move(last));
  return grid.text(screen.columns);
}

// The operations that allocate most, with their shares.
std::string churn_words(const ReplayResult& row) {
  constexpr std::size_t kShown = 4;
  std::vector<std::pair<std::uint64_t, std::string_view>> parts;
  for (std::size_t k = 0; k < kNumOpKinds; ++k) {
    const auto kind = static_cast<OpKind>(k);
    std::uint64_t objs = 0;
    for (const std::uint64_t n : row.costs[k].allocs) objs += n;
    if (objs > 0 && kind != OpKind::start) parts.emplace_back(objs, op_kind_name(kind));
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  const std::uint64_t all = churned_objs(row);
  std::string words = fmt::format("{} objects", grouped(all));
  std::string_view between = ": ";
  for (std::size_t i = 0; i < std::min(parts.size(), kShown); ++i) {
    words += fmt::format("{}{} {:.0f}%", between, parts[i].second,
                         100 * static_cast<double>(parts[i].first) / static_cast<double>(all));
    between = ", ";
  }
  return words;
}

std::string walk_words(const Walks& walks) {
  if (walks.vmas == 0) return "none: nothing was faulted";
  return fmt::format("median {}, p99 {}, at most {} vmas visited for a page", walks.median,
                     walks.p99, walks.max);
}

std::string slab_words(const ReplayResult& row) {
  std::uint64_t peak = 0, end = 0;
  for (const SlubUse& use : *row.slub) peak += use.slabs_peak, end += use.slabs_end;
  return fmt::format("{} at most, {} at the end, in a model of SLUB", grouped(peak), grouped(end));
}

}  // namespace

std::string render_brief_depth(const Comparison& comparison, const ReportOptions& options) {
  const Screen& screen = options.screen;
  const ReplayResult& row = comparison.rows.front();
  const OpCost all = total_cost(row);
  std::vector<std::pair<std::string, std::string>> lines{
      {"allocated", churn_words(row)},
      {"root locks", fmt::format("{} acquisitions, {} objects under the longest",
                                 grouped(row.root_locks), grouped(all.locks.longest_objs))},
      {"walks", walk_words(row.peak.walks) + ", at the peak"}};
  if (row.peak.remap_entries > 0)
    lines.emplace_back("remap trees", fmt::format("{} entries at the peak, words in other objects",
                                                  grouped(row.peak.remap_entries)));
  if (row.slub) lines.emplace_back("slabs", slab_words(row));
  const std::string when = fmt::format("Under {}; the peak is at {:.3f} s:", row.strategy,
                                       static_cast<double>(row.peak.slab.time_ns) / 1e9);
  std::vector<std::string> blocks{
      tinted(subject_line(comparison, screen), Tint::title, screen) + sentence(when, screen),
      cache_grid(comparison, screen), lines_of(lines, screen)};
  for (const Table& table : holder_tables(comparison, options))
    blocks.push_back(draw(table, screen.columns));
  blocks.push_back(reach_lines(comparison));
  blocks.push_back(proof_lines(comparison, screen) +
                   tinted(sentence(kMoreInDepth, screen), Tint::quiet, screen));
  return paragraphs(blocks);
}

}  // namespace anonvma
