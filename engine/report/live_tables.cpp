#include "engine/report/live_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/report/fitted_table.h"
#include "engine/report/table.h"

namespace anonvma {
namespace {

std::string per_second(double rate) { return fmt::format("{:.0f}", rate); }

// Objects may be fewer than at the start.
std::string difference_kb(std::uint64_t now, std::uint64_t before) {
  const double kib = (static_cast<double>(now) - static_cast<double>(before)) / 1024;
  return fmt::format("{:+.1f}", kib);
}
std::string difference(std::uint64_t now, std::uint64_t before) {
  return fmt::format("{:+}", static_cast<std::int64_t>(now - before));
}

std::uint64_t other_bytes(const LiveDesign& design) {
  std::uint64_t bytes = 0;
  for (std::size_t c = kNumCaches; c < kAllCaches; ++c)
    bytes += design.bytes(static_cast<CacheIndex>(c));
  return bytes;
}

// "~": see the line below the table.
std::string about(const LiveDesign& design, const std::string& text) {
  return design.approximate ? fmt::format("~{}", text) : text;
}

// A cache, or all caches of arrays together.
struct CacheLine {
  std::string name;
  std::uint64_t objsize = 0;  // 0: of several sizes
  std::uint64_t objs = 0, bytes = 0, at_start = 0;
  double allocs = 0, frees = 0;
};

std::vector<CacheLine> cache_lines(const LiveDesign& design, const LiveRates::Design& rates) {
  std::vector<CacheLine> lines;
  bool arrays = false;
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    if (!design.uses(c)) continue;
    const auto cache = static_cast<CacheIndex>(c);
    const bool more = std::exchange(arrays, c >= kCowRemapArray);
    if (!more) lines.push_back({std::string(cache_name(cache)), design.specs[c].objsize});
    CacheLine& line = lines.back();
    if (more) line.objsize = 0;
    line.objs += design.caches[c].active_objs;
    line.bytes += design.bytes(cache);
    line.at_start += design.at_start_objs[c];
    line.allocs += rates.allocs_of[c];
    line.frees += rates.frees_of[c];
  }
  return lines;
}

}  // namespace

std::size_t baseline_of(const LiveFrame& frame) {
  const auto& designs = frame.now.designs;
  const auto found = std::find_if(designs.begin(), designs.end(), [&](const LiveDesign& design) {
    return design.name == frame.machine.baseline;
  });
  return found != designs.end() ? static_cast<std::size_t>(found - designs.begin()) : 0;
}

std::vector<std::string> design_table(const LiveFrame& frame, std::size_t width) {
  std::vector<FittedColumn> columns{{"design", 14},    {"KB", 9},           {"change", 7},
                                    {"at start", 9},   {"since", 8},        {"vmas", 7, 4},
                                    {"chains", 7, 3},  {"anon_vmas", 9, 2}, {"other KB", 8, 5},
                                    {"peak KB", 9, 6}, {"allocs/s", 8, 7},  {"locks/s", 8, 8}};
  const std::size_t baseline = baseline_of(frame);
  const std::uint64_t base = frame.now.designs[baseline].bytes();
  for (std::size_t d = 0; d < frame.now.designs.size(); ++d) {
    const LiveDesign& design = frame.now.designs[d];
    const LiveRates::Design rates = frame.rates.of(d);
    const std::string cells[] = {design.name + (design.own ? " *" : ""),
                                 about(design, kb(design.bytes())),
                                 percent(d == baseline, change(design.bytes(), base)),
                                 about(design, kb(design.at_start_bytes())),
                                 difference_kb(design.bytes(), design.at_start_bytes()),
                                 number(design.caches[kVmAreaStruct].active_objs),
                                 number(design.caches[kAnonVmaChain].active_objs),
                                 number(design.caches[kAnonVma].active_objs),
                                 kb(other_bytes(design)),
                                 kb(design.peak_bytes()),
                                 per_second(rates.allocs),
                                 per_second(rates.root_locks)};
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c].cells.push_back(cells[c]);
  }
  return fitted(std::move(columns), width);
}

std::vector<std::string> cache_table(const LiveFrame& frame, std::size_t design,
                                     std::size_t width) {
  const LiveDesign& row = frame.now.designs[design];
  std::vector<FittedColumn> columns{{row.name, 20},    {"objects", 8}, {"KB", 9},
                                    {"at start", 8},   {"since", 7},   {"allocs/s", 8},
                                    {"frees/s", 8, 1}, {"size", 5, 2}};
  for (const CacheLine& line : cache_lines(row, frame.rates.of(design))) {
    const std::string cells[] = {line.name,
                                 about(row, number(line.objs)),
                                 kb(line.bytes),
                                 about(row, number(line.at_start)),
                                 difference(line.objs, line.at_start),
                                 per_second(line.allocs),
                                 per_second(line.frees),
                                 line.objsize != 0 ? number(line.objsize) : "-"};
    for (std::size_t k = 0; k < columns.size(); ++k) columns[k].cells.push_back(cells[k]);
  }
  return fitted(std::move(columns), width);
}

std::vector<std::string> owner_table(const LiveOwners& owners, By by, std::size_t most,
                                     std::size_t width) {
  std::vector<FittedColumn> columns{{std::string(by_name(by)), 24},
                                    {"mms", 5, 1},
                                    {"vmas", 7},
                                    {"chains", 7},
                                    {"anon_vmas", 9},
                                    {"other", 6, 2},
                                    {"KB", 9},
                                    {"share", 6}};
  const double total = static_cast<double>(std::max<std::uint64_t>(owners.total.bytes, 1));
  for (std::size_t i = 0; i < std::min(most, owners.lines.size()); ++i) {
    const HolderLine& line = owners.lines[i];
    const std::uint64_t other =
        std::accumulate(line.objs.begin() + kNumCaches, line.objs.end(), std::uint64_t{0});
    const std::string cells[] = {
        line.name,
        number(line.mms),
        number(line.objs[kVmAreaStruct]),
        number(line.objs[kAnonVmaChain]),
        number(line.objs[kAnonVma]),
        number(other),
        kb(line.bytes),
        fmt::format("{:.1f}%", 100 * static_cast<double>(line.bytes) / total)};
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c].cells.push_back(cells[c]);
  }
  if (by == By::mm) columns.erase(columns.begin() + 1);  // one each
  return fitted(std::move(columns), width);
}

}  // namespace anonvma
