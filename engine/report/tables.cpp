#include "engine/report/tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/report/grid.h"

namespace anonvma {

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

std::string_view source_name(SpecSource source) {
  switch (source) {
    case SpecSource::trace:
      return "trace";
    case SpecSource::table:
      return "table";
    case SpecSource::option:
      return "option";
    case SpecSource::assumed:
      return "assumed";
  }
  return "";
}

namespace {

// Columns of one line; `at_start` and the changes only where the table has them.
struct Columns {
  bool at_start = false;
  bool changes = false;
};

Columns columns(const Rows& all) {
  Columns show{false, all.sums.size() > 1};
  for (const CacheBlock& block : all.caches)
    for (const CacheRow& row : block.rows) show.at_start |= row.at_start_objs != 0;
  return show;
}

Table cache_table(const CacheBlock& block, Columns show) {
  Table table{block.name, {"strategy"}, {}, {}};
  if (show.at_start) table.header.emplace_back("at_start");
  for (const char* name : {"active_objs", "peak_objs", "allocs", "frees", "end_KB"})
    table.header.emplace_back(name);
  if (show.changes) table.header.emplace_back("change");
  table.header.emplace_back("peak_KB");
  if (show.changes) table.header.emplace_back("change");
  for (const CacheRow& row : block.rows) {
    if (!row.shown(block.cache)) continue;
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells.push_back(row.strategy);
    if (show.at_start) cells.push_back(number(row.at_start_objs));
    for (const std::uint64_t objs :
         {row.use.active_objs, row.use.peak_objs, row.use.allocs, row.use.frees})
      cells.push_back(number(objs));
    for (const Amount& amount : {row.end, row.own_peak}) {
      cells.push_back(kb(amount.bytes));
      if (show.changes) cells.push_back(percent(row.baseline, amount.change));
    }
  }
  return table;
}

Table sum_table(const Rows& all, Columns show) {
  Table table{all.caches.size() == kNumCaches ? "sum of the three caches" : "sum of the caches",
              {"strategy"},
              {},
              {}};
  for (const char* name : {"end_KB", "peak_KB", "slab_KB"}) {
    table.header.emplace_back(name);
    if (show.changes) table.header.emplace_back("change");
  }
  for (const SumRow& row : all.sums) {
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells.push_back(row.strategy);
    const auto add = [&](std::uint64_t bytes, Change change) {
      cells.push_back(kb(bytes));
      if (show.changes) cells.push_back(percent(row.baseline, change));
    };
    add(row.end.bytes, row.end.change);
    add(row.peak.bytes, row.peak.change);
    add(row.slab_bytes, row.slab_change);
  }
  table.notes.emplace_back(
      "peak_KB: when all caches together held most, between two operations. slab_KB: the slabs "
      "that each cache's own peak needs when packed perfectly, a lower bound.");
  if (show.at_start) table.notes.emplace_back("at_start: alive when recording began, in allocs.");
  return table;
}

// All caches at one moment.
template <class OfCache, class OfSum>
Table moment_table(const Rows& all, std::string title, bool changes, bool with_time,
                   OfCache of_cache, OfSum of_sum) {
  Table table{std::move(title), {"strategy"}, {}, {}};
  if (with_time) table.header.emplace_back("at_s");
  for (const CacheBlock& block : all.caches)
    if (block.cache < kNumCaches) table.header.push_back(block.name);
  const bool others = all.caches.size() > kNumCaches;
  if (others) table.header.emplace_back("other");
  table.header.emplace_back("KB");
  if (changes) table.header.emplace_back("change");
  for (std::size_t i = 0; i < all.sums.size(); ++i) {
    const SumRow& sum = all.sums[i];
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells.push_back(sum.strategy);
    if (with_time) cells.push_back(fmt::format("{:.3f}", sum.peak_s));
    std::uint64_t other_objs = 0;
    for (const CacheBlock& block : all.caches)
      if (block.cache < kNumCaches)
        cells.push_back(number(of_cache(block.rows[i]).objs));
      else
        other_objs += of_cache(block.rows[i]).objs;
    if (others) cells.push_back(number(other_objs));
    const Amount& bytes = of_sum(sum);
    cells.push_back(kb(bytes.bytes));
    if (changes) cells.push_back(percent(sum.baseline, bytes.change));
    if (bytes.remap_entries > 0) table.notes.push_back(remap_line(sum.strategy, bytes));
  }
  return table;
}

}  // namespace

std::string remap_line(std::string_view strategy, const Amount& amount) {
  return fmt::format("{}: {} entries in remap trees, words inside other objects.", strategy,
                     amount.remap_entries);
}

std::vector<Table> object_tables(const Rows& all, std::optional<double> at_s) {
  const Columns show = columns(all);
  std::vector<Table> tables;
  for (const CacheBlock& block : all.caches) tables.push_back(cache_table(block, show));
  tables.push_back(sum_table(all, show));
  const bool timed = std::any_of(all.sums.begin(), all.sums.end(),
                                 [](const SumRow& row) { return row.peak_s > 0; });
  tables.push_back(moment_table(
      all, "objects at the peak of the sum", show.changes, timed,
      [](const CacheRow& row) -> const Amount& { return row.peak; },
      [](const SumRow& row) -> const Amount& { return row.peak; }));
  if (!all.sums.empty() && all.sums.front().at)
    tables.push_back(moment_table(
        all, fmt::format("objects at {:.3f} s", at_s.value_or(0)), show.changes, false,
        [](const CacheRow& row) -> const Amount& { return *row.at; },
        [](const SumRow& row) -> const Amount& { return *row.at; }));
  return tables;
}

Table map_count_table(const Comparison& comparison) {
  Table table{"map_count of the kernel against the model",
              {"strategy", "compared", "mismatches", "rate"},
              {},
              {}};
  for (const ReplayResult& row : comparison.rows) {
    const auto compared = static_cast<double>(row.map_counts_compared);
    const double rate =
        compared == 0 ? 0 : 100 * static_cast<double>(row.map_count_mismatches) / compared;
    table.rows.push_back({row.strategy, number(row.map_counts_compared),
                          number(row.map_count_mismatches),
                          compared == 0 ? "n/a" : fmt::format("{:.3f}%", rate)});
    if (!row.first_mismatch) continue;
    const Mismatch& first = *row.first_mismatch;
    table.notes.push_back(fmt::format(
        "{} first at event {} ({:.6f} s), {} in mm {} ({}): kernel {}, model {}", row.strategy,
        first.event, static_cast<double>(first.time_ns) / 1e9, printable(first.operation), first.mm,
        printable(first.comm), first.kernel, first.model));
  }
  if (!table.notes.empty() && !comparison.trace.own_strategy.empty())
    table.notes.push_back(
        fmt::format("Only {} has to agree, as the recording kernel runs it: "
                    "other designs may merge vmas differently.",
                    comparison.trace.own_strategy));
  return table;
}

}  // namespace anonvma
