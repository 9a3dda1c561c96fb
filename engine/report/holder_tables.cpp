// Holders of objects: all mms with one comm together, or each mm.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "engine/report/grid.h"
#include "engine/report/holders.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

void add(HolderLine& line, const std::array<std::uint64_t, kAllCaches>& objs,
         const CacheSpecs& specs) {
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    line.objs[c] += objs[c];
    line.bytes += objs[c] * specs[c].objsize;
  }
}

// Most bytes first; equal ones by name, so that the order is fixed.
std::vector<HolderLine> sorted_lines(const std::vector<Holder>& holders, const CacheSpecs& specs,
                                     By by) {
  std::map<std::string, HolderLine> lines;
  for (const Holder& holder : holders) {
    std::string name = "(no living mm)";
    if (holder.mm && by == By::comm) name = printable(holder.comm);
    if (holder.mm && by == By::mm)
      name = fmt::format("mm {} ({})", holder.mm.v, printable(holder.comm));
    HolderLine& line = lines[name];
    line.name = name;
    line.mms += holder.mm ? 1 : 0;
    add(line, holder.objs, specs);
  }
  std::vector<HolderLine> all;
  all.reserve(lines.size());
  for (auto& [name, line] : lines) all.push_back(std::move(line));
  std::stable_sort(all.begin(), all.end(),
                   [](const HolderLine& a, const HolderLine& b) { return a.bytes > b.bytes; });
  return all;
}

// Objects of all caches that have no column of their own.
std::uint64_t other_objs(const HolderLine& line) {
  return std::accumulate(line.objs.begin() + kNumCaches, line.objs.end(), std::uint64_t{0});
}

Table holder_table(const ReplayResult& row, const Moment& moment, std::string_view when,
                   const ReportOptions& options) {
  const std::vector<HolderLine> lines = holder_lines(row, moment, options);
  const HolderLine& sum = lines.back();
  Table table{fmt::format("held {}, {}", when, row.strategy),
              {options.by == By::comm ? "comm" : "mm"},
              {},
              {}};
  if (options.by == By::comm) table.header.emplace_back("mms");
  const bool narrow = options.format == Format::lkml;
  constexpr std::array<const char*, kNumCaches> kShort{"vmas", "chains", "anon_vmas"};
  for (std::size_t c = 0; c < kNumCaches; ++c)
    table.header.emplace_back(narrow ? kShort[c] : cache_name(static_cast<CacheIndex>(c)));
  const bool others = other_objs(sum) > 0;  // with a column for each, the table would be too wide
  if (others) table.header.emplace_back("other");
  table.header.emplace_back("KB");
  table.header.emplace_back("share");
  for (const HolderLine& line : lines) {
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells.push_back(line.name);
    if (options.by == By::comm) cells.push_back(number(line.mms));
    for (std::size_t c = 0; c < kNumCaches; ++c) cells.push_back(number(line.objs[c]));
    if (others) cells.push_back(number(other_objs(line)));
    cells.push_back(kb(line.bytes));
    cells.push_back(fmt::format("{:.1f}%", sum.bytes == 0 ? 0
                                                          : 100 * static_cast<double>(line.bytes) /
                                                                static_cast<double>(sum.bytes)));
  }
  return table;
}

}  // namespace

std::vector<HolderLine> holder_lines(const ReplayResult& result, const Moment& moment,
                                     const ReportOptions& options) {
  const CacheSpecs& specs = result.specs.specs;
  std::vector<HolderLine> lines = sorted_lines(moment.holders, specs, options.by);
  HolderLine sum, others;
  sum.name = "sum";
  const std::size_t more = lines.size() - std::min(lines.size(), options.top);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    add(sum, lines[i].objs, specs);
    sum.mms += lines[i].mms;
    if (i < options.top) continue;
    add(others, lines[i].objs, specs);
    others.mms += lines[i].mms;
  }
  lines.resize(lines.size() - more);
  others.name = fmt::format("{} others", more);
  if (more > 0) lines.push_back(others);
  lines.push_back(sum);
  return lines;
}

std::vector<Table> holder_tables(const Comparison& comparison, const ReportOptions& options) {
  std::vector<Table> tables;
  if (options.by == By::nobody) return tables;
  for (const ReplayResult& row : comparison.rows) {
    if (row.at)
      tables.push_back(holder_table(
          row, *row.at, fmt::format("at {:.3f} s", comparison.at_s.value_or(0)), options));
    tables.push_back(holder_table(row, row.peak, "at the peak of the sum", options));
    if (!row.end.holders.empty())
      tables.push_back(holder_table(row, row.end, "at the end", options));
  }
  if (!tables.empty())
    tables.back().notes.emplace_back(
        "An anon_vma is held by the first mm that has a vma of its own for it, or else by the "
        "first mm that is linked to it.");
  return tables;
}

}  // namespace anonvma
