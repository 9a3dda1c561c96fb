// A line per strategy: bytes and objects at one moment, costs of the whole trace.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "engine/report/brief.h"
#include "engine/report/grid.h"
#include "engine/report/table.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

constexpr std::size_t kLongestName = 22;
constexpr std::array<std::string_view, kNumCaches> kCacheWords{"vmas", "chains", "anon_vmas"};
constexpr double kNoChange = 0.05;  // per cent, which would be shown as 0

// At most five letters: "-0.3%", "+22%", "x123"; nothing if nothing changed.
std::string change_text(Change change) {
  if (!change) return "new";
  if (std::abs(*change) < kNoChange) return "";
  if (std::abs(*change) < 9.95) return fmt::format("{:+.1f}%", *change);
  if (*change < 999.5) return fmt::format("{:+.0f}%", *change);
  return fmt::format("x{:.0f}", 1 + *change / 100);
}

// One number of each strategy, with its change.
struct Column {
  std::string header;
  std::vector<std::string> values;
  std::vector<Change> changes;  // of each row against the baseline
  bool shows_changes = true;    // beside the numbers, and not only by their colour
};

struct Base {
  const BriefRow* row;  // null: nothing to compare with
  explicit Base(const std::vector<BriefRow>& rows) : row(nullptr) {
    for (const BriefRow& one : rows)
      if (one.baseline && rows.size() > 1) row = &one;
  }
};

template <class Value, class Text>
Column column(std::string header, const std::vector<BriefRow>& rows, Value value, Text text) {
  Column made{std::move(header), {}, {}};
  const Base base(rows);
  for (const BriefRow& row : rows) {
    made.values.push_back(text(value(row)));
    made.changes.push_back(base.row == nullptr ? Change{0.0}
                                               : change(value(row), value(*base.row)));
  }
  made.shows_changes = base.row != nullptr;
  return made;
}

std::uint64_t objs_of(const BriefRow& row, CacheIndex cache) {
  for (const auto& [index, objs] : row.objs)
    if (index == cache) return objs;
  return 0;
}

std::vector<Column> object_columns(const std::vector<BriefRow>& rows, const Screen& screen) {
  std::uint64_t most = 0;
  for (const BriefRow& row : rows) most = std::max(most, row.bytes);
  const Unit unit = unit_for(most, screen);
  std::vector<Column> columns{column(
      std::string(unit.name), rows, [](const BriefRow& row) { return row.bytes; },
      [unit](std::uint64_t bytes) { return in_unit(bytes, unit); })};
  for (std::size_t c = 0; c < kNumCaches; ++c)
    columns.push_back(column(
        std::string(kCacheWords[c]), rows,
        [c](const BriefRow& row) { return objs_of(row, static_cast<CacheIndex>(c)); },
        short_count));
  return columns;
}

std::vector<Column> cost_columns(const std::vector<BriefRow>& rows) {
  std::vector<Column> columns{
      column(
          "allocs", rows, [](const BriefRow& row) { return row.allocs; }, short_count),
      column(
          "locks", rows, [](const BriefRow& row) { return row.locks; }, short_count)};
  if (std::any_of(rows.begin(), rows.end(), [](const BriefRow& row) { return row.walk_p99; })) {
    columns.push_back(column(
        "walk", rows, [](const BriefRow& row) { return row.walk_p99.value_or(0); }, short_count));
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (!rows[i].walk_p99) columns.back().values[i].assign(1, '-');
  }
  for (Column& column : columns) column.shows_changes = false;
  return columns;
}

// The header above the numbers, as far as the changes beside them leave it there.
std::string header_over(const std::string& header, std::size_t width, std::size_t change_width) {
  if (change_width == 0) return header;
  const std::size_t both = std::max(width + 1 + change_width, header.size());
  return header + std::string(std::min(change_width + 1, both - header.size()), ' ');
}

// Cells of one width, so that numbers stand below numbers and changes below changes.
std::vector<std::string> cells_of(const Column& column, const std::vector<BriefRow>& rows,
                                  const Screen& screen) {
  std::size_t width = 0, change_width = 0;
  std::vector<std::string> changes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    changes.push_back(rows[i].baseline || !column.shows_changes ? ""
                                                                : change_text(column.changes[i]));
    change_width = std::max(change_width, changes.back().size());
    width = std::max(width, column.values[i].size());
  }
  std::vector<std::string> cells{
      tinted(header_over(column.header, width, change_width), Tint::quiet, screen)};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Tint tint = rows[i].baseline ? Tint::baseline : tint_of(column.changes[i]);
    const std::string value = fmt::format("{:>{}}", column.values[i], width);
    if (!column.shows_changes || change_width == 0) {
      cells.push_back(tinted(value, tint, screen));
      continue;
    }
    const std::string shown = fmt::format("{:>{}}", changes[i], change_width);
    cells.push_back(tinted(value, rows[i].baseline ? tint : Tint::plain, screen) + " " +
                    tinted(shown, tint, screen));
  }
  return cells;
}

// RowNames of strategies; a long one has a number and a line below the table.
struct RowNames {
  std::vector<std::string> shown;
  std::string legend;
  RowNames(const std::vector<BriefRow>& rows, const Screen& screen) {
    std::size_t numbers = 0;
    for (const BriefRow& row : rows) {
      if (row.strategy.size() <= kLongestName) {
        shown.push_back(row.strategy);
        continue;
      }
      shown.push_back(
          fmt::format("{} [{}]", row.strategy.substr(0, row.strategy.find(':')), ++numbers));
      legend += sentence(fmt::format("[{}] {}", numbers, row.strategy), screen, 4);
    }
  }
};

Grid grid_of(const std::vector<Column>& columns, const std::vector<BriefRow>& rows,
             const std::vector<std::string>& names, const Screen& screen) {
  std::vector<std::vector<std::string>> lines(rows.size() + 1);
  lines[0].emplace_back();
  for (std::size_t i = 0; i < rows.size(); ++i)
    lines[i + 1].push_back(
        tinted(names[i], rows[i].baseline ? Tint::baseline : Tint::plain, screen));
  for (const Column& column : columns) {
    std::vector<std::string> cells = cells_of(column, rows, screen);
    for (std::size_t i = 0; i < lines.size(); ++i) lines[i].push_back(std::move(cells[i]));
  }
  Grid grid(lines[0]);
  for (std::size_t i = 1; i < lines.size(); ++i) grid.add(std::move(lines[i]));
  return grid;
}

std::string other_objects(const BriefRow& row, const Screen& screen) {
  std::vector<std::string> words;
  for (const auto& [cache, objs] : row.objs)
    if (cache >= kNumCaches && objs > 0)
      words.push_back(fmt::format("{} {}", grouped(objs), cache_name(cache)));
  if (row.remap_entries > 0)
    words.push_back(fmt::format("{} words in remap trees", grouped(row.remap_entries)));
  if (words.empty()) return "";
  return sentence(fmt::format("{} also holds {}.", row.strategy, fmt::join(words, ", ")), screen);
}

}  // namespace

Tint tint_of(Change change) {
  if (!change) return Tint::plain;
  if (*change <= -kNoChange) return Tint::better;
  return *change >= kNoChange ? Tint::worse : Tint::plain;
}

std::vector<BriefRow> brief_rows(const Comparison& comparison, BriefMoment moment) {
  const Rows all = rows(comparison);
  std::vector<BriefRow> brief;
  for (std::size_t i = 0; i < comparison.rows.size(); ++i) {
    const ReplayResult& result = comparison.rows[i];
    const bool at = moment == BriefMoment::at;
    if (at && !result.at) return {};
    const SumRow& sum = all.sums[i];
    const Amount& amount = at ? *sum.at : sum.peak;
    const Walks& walks = at ? result.at->walks : result.peak.walks;
    BriefRow& row = brief.emplace_back();
    row.strategy = result.strategy;
    row.baseline = sum.baseline;
    row.bytes = amount.bytes;
    row.remap_entries = amount.remap_entries;
    for (const CacheBlock& block : all.caches)
      row.objs.emplace_back(block.cache, (at ? *block.rows[i].at : block.rows[i].peak).objs);
    row.allocs = churned_objs(result);
    row.locks = result.root_locks;
    if (walks.vmas > 0) row.walk_p99 = walks.p99;
  }
  return brief;
}

std::vector<BriefRow> add_up(std::span<const std::vector<BriefRow>> all) {
  std::vector<BriefRow> sum = all.front();
  for (BriefRow& row : sum) row.walk_p99.reset();
  for (const std::vector<BriefRow>& more : all.subspan(1))
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i].bytes += more[i].bytes;
      sum[i].remap_entries += more[i].remap_entries;
      sum[i].allocs += more[i].allocs;
      sum[i].locks += more[i].locks;
      for (const auto& [cache, objs] : more[i].objs) {
        const auto place =
            std::find_if(sum[i].objs.begin(), sum[i].objs.end(),
                         [cache = cache](const auto& entry) { return entry.first >= cache; });
        if (place != sum[i].objs.end() && place->first == cache)
          place->second += objs;
        else
          sum[i].objs.insert(place, {cache, objs});
      }
    }
  return sum;
}

std::string brief_table(const std::vector<BriefRow>& rows, const Screen& screen) {
  const RowNames names(rows, screen);
  const std::vector<Column> objects = object_columns(rows, screen), costs = cost_columns(rows);
  std::vector<Column> both = objects;
  both.insert(both.end(), costs.begin(), costs.end());
  const Grid one = grid_of(both, rows, names.shown, screen);
  std::string text = one.text(screen.columns);
  if (one.least_columns() > screen.columns)
    text = paragraphs({grid_of(objects, rows, names.shown, screen).text(screen.columns),
                       grid_of(costs, rows, names.shown, screen).text(screen.columns)});
  text += names.legend;
  for (const BriefRow& row : rows) text += other_objects(row, screen);
  return text;
}

}  // namespace anonvma
