// Holders of objects: all mms with one comm or in one cgroup together, each mm, or all vmas with one
// name.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "engine/report/grid.h"
#include "engine/report/holders.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

std::string label(const Holder& holder, By by) {
  if (!holder.mm) return "(no living mm)";
  switch (by) {
    case By::mm:
      return fmt::format("mm {} ({})", holder.mm.v, printable(holder.comm));
    case By::name:
      return holder.vma_name == 0 ? "(no name)" : printable(holder.name_text);
    case By::cgroup:
      return holder.cgroup == 0 ? "(cgroup not known)" : printable(holder.cgroup_path);
    case By::comm:
    case By::nobody:
      break;
  }
  return printable(holder.comm);
}

// A line under construction. The holders of one mm come one after the other.
struct Sum {
  HolderLine line;
  MmId last;
  void add(const Holder& holder, const CacheSpecs& specs) {
    if (holder.mm && holder.mm != last) ++line.mms;
    last = holder.mm;
    for (std::size_t c = 0; c < kAllCaches; ++c) {
      line.objs[c] += holder.objs[c];
      line.bytes += holder.objs[c] * specs[c].objsize;
    }
  }
};

// Each label's place: most bytes first, equal ones by label, so that the order is fixed.
std::map<std::string, std::size_t> ranks(const std::vector<Holder>& holders,
                                         const CacheSpecs& specs, By by) {
  std::map<std::string, Sum> sums;
  for (const Holder& holder : holders) sums[label(holder, by)].add(holder, specs);
  std::vector<std::pair<std::string_view, std::uint64_t>> all;
  for (const auto& [name, sum] : sums) all.emplace_back(name, sum.line.bytes);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < all.size(); ++i) places.emplace(all[i].first, i);
  return places;
}

// Objects of all caches that have no column of their own.
std::uint64_t other_objs(const HolderLine& line) {
  return std::accumulate(line.objs.begin() + kNumCaches, line.objs.end(), std::uint64_t{0});
}

// The end of a path tells more than its beginning. Tables for people have a limited width.
std::string shortened(const std::string& path, std::size_t most) {
  if (path.size() <= most) return path;
  return "..." + path.substr(path.size() - (most - 3));
}

Table holder_table(const ReplayResult& row, const Moment& moment, std::string_view when,
                   const ReportOptions& options) {
  const std::vector<HolderLine> lines = holder_lines(row, moment, options);
  const HolderLine& sum = lines.back();
  Table table{
      fmt::format("held {}, {}", when, row.strategy), {std::string(by_name(options.by))}, {}, {}};
  const bool counts_mms = options.by != By::mm;
  if (counts_mms) table.header.emplace_back("mms");
  const bool narrow = options.format == Format::lkml || options.format == Format::brief;
  constexpr std::array<const char*, kNumCaches> kShort{"vmas", "chains", "anon_vmas"};
  for (std::size_t c = 0; c < kNumCaches; ++c)
    table.header.emplace_back(narrow ? kShort[c] : cache_name(static_cast<CacheIndex>(c)));
  const bool others = other_objs(sum) > 0;  // with a column for each, the table would be too wide
  if (others) table.header.emplace_back("other");
  table.header.emplace_back("KB");
  table.header.emplace_back("share");
  for (const HolderLine& line : lines) {
    std::vector<std::string>& cells = table.rows.emplace_back();
    constexpr std::size_t kNarrow = 20, kWide = 32;
    cells.push_back(options.by == By::cgroup ? shortened(line.name, narrow ? kNarrow : kWide)
                                             : line.name);
    if (counts_mms) cells.push_back(number(line.mms));
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

std::string_view by_name(By by) {
  switch (by) {
    case By::nobody:
      return "nobody";
    case By::comm:
      return "comm";
    case By::mm:
      return "mm";
    case By::name:
      return "name";
    case By::cgroup:
      return "cgroup";
  }
  return "";
}

std::vector<HolderLine> holder_lines(const ReplayResult& result, const Moment& moment,
                                     const ReportOptions& options) {
  const CacheSpecs& specs = result.specs.specs;
  const std::map<std::string, std::size_t> places = ranks(moment.holders, specs, options.by);
  const std::size_t shown = std::min(places.size(), options.top);
  const std::size_t more = places.size() - shown;
  std::vector<Sum> sums(shown + (more > 0 ? 1 : 0));
  Sum all;
  for (const Holder& holder : moment.holders) {
    sums[std::min(places.at(label(holder, options.by)), shown)].add(holder, specs);
    all.add(holder, specs);
  }
  for (const auto& [name, place] : places)
    if (place < shown) sums[place].line.name = name;
  if (more > 0) sums.back().line.name = fmt::format("{} others", more);
  all.line.name = "sum";
  std::vector<HolderLine> lines;
  for (Sum& sum : sums) lines.push_back(std::move(sum.line));
  lines.push_back(std::move(all.line));
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
  if (!tables.empty() && options.by == By::name)
    tables.back().notes.emplace_back(
        "(no name): vmas without a name, those of files, and the objects of an mm as a whole.");
  return tables;
}

}  // namespace anonvma
