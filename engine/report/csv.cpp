// Comma-separated values: a line per strategy, cache and moment.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/report/formats.h"
#include "engine/report/holders.h"
#include "engine/report/table.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

std::string quoted_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

// The columns at the beginning of every line of one strategy.
struct Begin {
  std::string path, hash, strategy, rules;
  std::string losses = ",,,";  // events, lost, tainted mms, tier of one trace
  std::string holder = {};     // empty: all holders
};

std::string line(const Begin& begin, std::string_view cache, std::string_view moment,
                 std::string_view time, const Amount& amount, std::string_view rest) {
  const std::string percent = amount.change ? fmt::format("{:.2f}", *amount.change) : "";
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{}\n", quoted_field(begin.path),
                     begin.hash, quoted_field(begin.strategy), quoted_field(begin.rules), cache,
                     moment, time, amount.objs, amount.bytes, percent, rest,
                     quoted_field(begin.holder), begin.losses);
}

std::string time_text(double seconds) { return fmt::format("{:.6f}", seconds); }

std::string walk_text(const Walks* walks) {
  if (walks == nullptr || walks->vmas == 0) return ",,,,";
  return fmt::format("{},{},{},{},{}", walks->vmas, walks->min, walks->median, walks->p99,
                     walks->max);
}

std::string cache_lines(const Begin& begin, const CacheBlock& block, const CacheRow& row,
                        const ReplayResult* result) {
  if (!row.shown(block.cache)) return "";
  const SlubUse* slub = result != nullptr && result->slub ? &(*result->slub)[block.cache] : nullptr;
  const std::string slabs =
      slub == nullptr ? "," : fmt::format("{},{}", slub->slabs_peak, slub->slabs_end);
  const std::string rest =
      fmt::format("{},{},{},{},{},{},{},{},{},,,,,,,,,,", row.use.allocs, row.use.frees,
                  row.use.peak_objs, row.slab_bytes, row.spec.objsize, row.spec.objperslab,
                  row.spec.pagesperslab, source_name(row.source), slabs);
  std::string text = line(begin, block.name, "end", "", row.end, rest) +
                     line(begin, block.name, "peak_of_sum", "", row.peak, rest);
  if (row.at) text += line(begin, block.name, "at", "", *row.at, rest);
  return text;
}

// Locks and reach belong to the whole trace, walks and remap entries to a moment.
std::string sum_line(const Begin& begin, const SumRow& sum, const ReplayResult* row,
                     std::string_view moment, std::string_view time, const Amount& amount,
                     const Walks* walks) {
  const OpCost all = row != nullptr ? total_cost(*row) : OpCost{};
  const std::string locks =
      row == nullptr
          ? fmt::format("{},,", sum.root_locks)
          : fmt::format("{},{},{}", sum.root_locks, all.locks.longest_objs, all.vma_layer_locks);
  const std::string reach =
      row != nullptr && row->reach ? fmt::format("{}", row->reach->pages) : "";
  return line(begin, "sum", moment, time, amount,
              fmt::format(",,,{},,,,,,,{},{},{},{}", sum.slab_bytes, locks, amount.remap_entries,
                          reach, walk_text(walks)));
}

std::string sum_lines(const Begin& begin, const SumRow& sum, const ReplayResult* row,
                      std::optional<double> at_s) {
  const bool one = row != nullptr;
  std::string text = sum_line(begin, sum, row, "end", one ? time_text(sum.end_s) : "", sum.end,
                              one ? &row->end.walks : nullptr) +
                     sum_line(begin, sum, row, "peak_of_sum", one ? time_text(sum.peak_s) : "",
                              sum.peak, one ? &row->peak.walks : nullptr);
  if (sum.at)
    text += sum_line(begin, sum, row, "at", at_s ? time_text(*at_s) : "", *sum.at,
                     one && row->at ? &row->at->walks : nullptr);
  return text;
}

// A line per holder and cache, and one for all caches of a holder. The sum is printed elsewhere.
std::string holders_of(Begin begin, const ReplayResult& row, const Moment& moment,
                       std::string_view when, const ReportOptions& options) {
  static const std::string kNothingElse(19, ',');
  std::vector<HolderLine> lines = holder_lines(row, moment, options);
  lines.pop_back();
  std::string text;
  for (const HolderLine& holder : lines) {
    begin.holder = holder.name;
    Amount sum;
    for (std::size_t c = 0; c < kAllCaches; ++c) {
      if (holder.objs[c] == 0) continue;
      const Amount amount{holder.objs[c], holder.objs[c] * row.specs.specs[c].objsize, {}};
      sum.objs += amount.objs;
      text += line(begin, cache_name(static_cast<CacheIndex>(c)), when, "", amount, kNothingElse);
    }
    sum.bytes = holder.bytes;
    text += line(begin, "sum", when, "", sum, kNothingElse);
  }
  return text;
}

}  // namespace

std::string csv_header() {
  return "file,hash,strategy,rules,cache,moment,time_s,objs,bytes,change_percent,allocs,frees,"
         "own_peak_objs,slab_bytes,objsize,objperslab,pagesperslab,geometry,slub_slabs_peak,"
         "slub_slabs_end,root_locks,longest_hold_objs,vma_layer_locks_as_read,remap_entries,"
         "pages_out_of_reach,walk_vmas,walk_min,walk_median,walk_p99,walk_max,holder,events,lost,"
         "tainted_mms,tier\n";
}

std::string render_csv(const Comparison& comparison, const ReportOptions& options) {
  const Rows all = rows(comparison);
  std::string text;
  for (std::size_t i = 0; i < comparison.rows.size(); ++i) {
    const ReplayResult& row = comparison.rows[i];
    const TraceSummary& trace = comparison.trace;
    const Begin begin{trace.path, trace.hash, row.strategy, row.rules,
                      fmt::format("{},{},{},{}", trace.events, trace.lost, trace.tainted_mms,
                                  quoted_field(trace.meta.tier))};
    for (const CacheBlock& block : all.caches)
      text += cache_lines(begin, block, block.rows[i], &row);
    text += sum_lines(begin, all.sums[i], &row, comparison.at_s);
    if (options.by == By::nobody) continue;
    text += holders_of(begin, row, row.end, "end", options) +
            holders_of(begin, row, row.peak, "peak_of_sum", options);
    if (row.at) text += holders_of(begin, row, *row.at, "at", options);
  }
  return text;
}

std::string sum_csv(const Rows& sum) {
  std::string text;
  for (std::size_t i = 0; i < sum.sums.size(); ++i) {
    const Begin begin{"(sum)", "", sum.sums[i].strategy, ""};
    for (const CacheBlock& block : sum.caches)
      text += cache_lines(begin, block, block.rows[i], nullptr);
    text += sum_lines(begin, sum.sums[i], nullptr, {});
  }
  return text;
}

}  // namespace anonvma
