#include "engine/report/export/result_tables.h"

#include <utility>

#include "engine/report/export/series_points.h"
#include "engine/report/look/words.h"
#include "engine/report/render.h"
#include "engine/report/rows.h"
#include "engine/report/table.h"

namespace anonvma {
namespace {

Cell cell(std::uint64_t value) { return static_cast<std::int64_t>(value); }
Cell cell(std::string_view text) { return std::string(text); }
std::string_view name_of_cache(std::size_t cache) {
  return cache_name(static_cast<CacheIndex>(cache));
}

ResultTable trace_rows(const Comparison& c) {
  const TraceSummary& t = c.trace;
  return {
      "trace",
      "path TEXT, hash TEXT, kernel TEXT, machine TEXT, cpus INTEGER, page_size INTEGER, scope "
      "TEXT, "
      "events INTEGER, lost INTEGER, tainted_mms INTEGER, duration_ns INTEGER, mms INTEGER, "
      "own_strategy TEXT, rules TEXT, verified TEXT, tier TEXT, damage TEXT",
      {{cell(t.path), cell(t.hash), cell(t.meta.release), cell(t.meta.machine), cell(t.meta.cpus),
        cell(t.meta.page_size), cell(t.meta.scope), cell(t.events), cell(t.lost),
        cell(t.tainted_mms), cell(t.duration_ns), cell(t.mms), cell(t.own_strategy), cell(t.rules),
        cell(verdict_name(c)), cell(t.meta.tier), cell(t.damage)}}};
}

ResultTable lanes_rows(const Comparison& c) {
  ResultTable table{"lanes", "lane TEXT, compared INTEGER, equal INTEGER", {}};
  if (c.verdict)
    for (const Lane& lane : c.verdict->lanes)
      table.rows.push_back({cell(lane.name), cell(lane.compared), cell(lane.equal)});
  return table;
}

ResultTable strategies_rows(const Comparison& c) {
  ResultTable table{"strategies",
                    "strategy TEXT, baseline INTEGER, rules TEXT, basis TEXT, root_locks INTEGER, "
                    "map_counts_compared INTEGER, map_count_mismatches INTEGER, approximate TEXT",
                    {}};
  for (const ReplayResult& row : c.rows) {
    std::string reasons;
    for (const std::string& reason : row.approximate)
      reasons += (reasons.empty() ? "" : "; ") + reason;
    table.rows.push_back({cell(row.strategy), cell(std::uint64_t{row.strategy == c.baseline}),
                          cell(row.rules), cell(row.basis), cell(row.root_locks),
                          cell(row.map_counts_compared), cell(row.map_count_mismatches),
                          cell(reasons)});
  }
  return table;
}

ResultTable caches_rows(const Comparison& c) {
  ResultTable table{"caches",
                    "strategy TEXT, cache TEXT, objsize INTEGER, objperslab INTEGER, pagesperslab "
                    "INTEGER, geometry TEXT, allocs INTEGER, frees INTEGER, peak_objs INTEGER, "
                    "active_objs INTEGER, at_start_objs INTEGER, slub_slabs_peak INTEGER",
                    {}};
  for (const ReplayResult& row : c.rows)
    for (std::size_t i = 0; i < kAllCaches; ++i) {
      if (!has_series(row, i)) continue;
      const CacheSpec& spec = row.specs.specs[i];
      const CacheUsage& use = row.caches[i];
      table.rows.push_back(
          {cell(row.strategy), cell(name_of_cache(i)), cell(spec.objsize), cell(spec.objperslab),
           cell(spec.pagesperslab), cell(source_name(row.specs.sources[i])), cell(use.allocs),
           cell(use.frees), cell(use.peak_objs), cell(use.active_objs), cell(row.at_start_objs[i]),
           row.slub ? cell((*row.slub)[i].slabs_peak) : Cell{}});
    }
  return table;
}

// Calls visit(row, name, moment) for each moment of each design.
template <class Visit>
void each_moment(const Comparison& c, const Visit& visit) {
  for (const ReplayResult& row : c.rows) {
    visit(row, "peak_of_sum", row.peak);
    visit(row, "end", row.end);
    if (row.at) visit(row, "at", *row.at);
  }
}

ResultTable moments_rows(const Comparison& c) {
  ResultTable table{"moments",
                    "strategy TEXT, moment TEXT, time_ns INTEGER, event INTEGER, cache TEXT, objs "
                    "INTEGER, bytes INTEGER",
                    {}};
  each_moment(c, [&](const ReplayResult& row, std::string_view name, const Moment& moment) {
    for (std::size_t i = 0; i < kAllCaches; ++i)
      if (has_series(row, i))
        table.rows.push_back({cell(row.strategy), cell(name), cell(moment.slab.time_ns),
                              cell(moment.slab.event), cell(name_of_cache(i)),
                              cell(moment.slab.objs[i]),
                              cell(moment.slab.objs[i] * row.specs.specs[i].objsize)});
  });
  return table;
}

ResultTable holders_rows(const Comparison& c) {
  ResultTable table{
      "holders",
      "strategy TEXT, moment TEXT, mm INTEGER, comm TEXT, vma_name TEXT, cgroup TEXT, "
      "cache TEXT, objs INTEGER",
      {}};
  each_moment(c, [&](const ReplayResult& row, std::string_view name, const Moment& moment) {
    for (const Holder& holder : moment.holders)
      for (std::size_t i = 0; i < kAllCaches; ++i)
        if (holder.objs[i] > 0)
          table.rows.push_back({cell(row.strategy), cell(name),
                                holder.mm ? cell(holder.mm.v) : Cell{}, cell(holder.comm),
                                cell(holder.name_text), cell(holder.cgroup_path),
                                cell(name_of_cache(i)), cell(holder.objs[i])});
  });
  return table;
}

ResultTable walks_rows(const Comparison& c) {
  ResultTable table{"walks",
                    "strategy TEXT, moment TEXT, vmas INTEGER, min INTEGER, median INTEGER, p99 "
                    "INTEGER, max INTEGER",
                    {}};
  each_moment(c, [&](const ReplayResult& row, std::string_view name, const Moment& moment) {
    const Walks& w = moment.walks;
    table.rows.push_back({cell(row.strategy), cell(name), cell(w.vmas), cell(w.min), cell(w.median),
                          cell(w.p99), cell(w.max)});
  });
  return table;
}

ResultTable linked_rows(const Comparison& c) {
  ResultTable table{
      "linked_vmas", "strategy TEXT, moment TEXT, linked_vmas INTEGER, anon_vmas INTEGER", {}};
  each_moment(c, [&](const ReplayResult& row, std::string_view name, const Moment& moment) {
    for (const auto& [vmas, count] : moment.walks.vmas_per_anon_vma)
      table.rows.push_back({cell(row.strategy), cell(name), cell(vmas), cell(count)});
  });
  return table;
}

ResultTable churn_rows(const Comparison& c) {
  ResultTable table{
      "churn",
      "strategy TEXT, operation TEXT, operations INTEGER, cache TEXT, allocs INTEGER, "
      "frees INTEGER",
      {}};
  for (const ReplayResult& row : c.rows)
    for (std::size_t k = 0; k < kNumOpKinds; ++k)
      for (std::size_t i = 0; i < kAllCaches; ++i) {
        const OpCost& cost = row.costs[k];
        if (cost.allocs[i] + cost.frees[i] > 0)
          table.rows.push_back({cell(row.strategy), cell(op_kind_name(static_cast<OpKind>(k))),
                                cell(cost.operations), cell(name_of_cache(i)), cell(cost.allocs[i]),
                                cell(cost.frees[i])});
      }
  return table;
}

ResultTable locks_rows(const Comparison& c) {
  ResultTable table{"locks",
                    "strategy TEXT, operation TEXT, holds INTEGER, vmas INTEGER, objs INTEGER, "
                    "longest_objs INTEGER, vma_layer_locks INTEGER",
                    {}};
  for (const ReplayResult& row : c.rows)
    for (std::size_t k = 0; k < kNumOpKinds; ++k) {
      const OpCost& cost = row.costs[k];
      if (cost.locks.holds + cost.vma_layer_locks > 0)
        table.rows.push_back({cell(row.strategy), cell(op_kind_name(static_cast<OpKind>(k))),
                              cell(cost.locks.holds), cell(cost.locks.vmas), cell(cost.locks.objs),
                              cell(cost.locks.longest_objs), cell(cost.vma_layer_locks)});
    }
  return table;
}

ResultTable anomalies_rows(const Comparison& c) {
  ResultTable table{"anomalies", "strategy TEXT, anomaly TEXT, count INTEGER, meaning TEXT", {}};
  for (const AnomalyRow& anomaly : rows(c).anomalies)
    for (std::size_t i = 0; i < c.rows.size(); ++i)
      table.rows.push_back({cell(c.rows[i].strategy), cell(anomaly.info.name),
                            cell(anomaly.counts[i]), cell(anomaly.info.meaning)});
  return table;
}

ResultTable series_rows(const Comparison& c) {
  ResultTable table{"series",
                    "strategy TEXT, start_ns INTEGER, width_ns INTEGER, cache TEXT, last_objs "
                    "INTEGER, max_objs INTEGER",
                    {}};
  for (const ReplayResult& row : c.rows)
    each_point(row, [&](std::uint64_t start_ns, const TimelinePoint& point) {
      for (std::size_t i = 0; i < kAllCaches; ++i)
        if (has_series(row, i))
          table.rows.push_back({cell(row.strategy), cell(start_ns), cell(row.timeline->width_ns()),
                                cell(name_of_cache(i)), cell(point.last[i]), cell(point.max[i])});
    });
  return table;
}

ResultTable sum_series_rows(const Comparison& c) {
  ResultTable table{"sum_series",
                    "strategy TEXT, start_ns INTEGER, width_ns INTEGER, last_bytes INTEGER, "
                    "max_bytes INTEGER",
                    {}};
  for (const ReplayResult& row : c.rows)
    each_point(row, [&](std::uint64_t start_ns, const TimelinePoint& point) {
      table.rows.push_back({cell(row.strategy), cell(start_ns), cell(row.timeline->width_ns()),
                            cell(point.last_bytes), cell(point.max_bytes)});
    });
  return table;
}

ResultTable mms_rows(const std::vector<const MmLife*>& lives) {
  ResultTable table{"mms",
                    "mm INTEGER, comm TEXT, pid INTEGER, birth TEXT, from_mm INTEGER, born_ns "
                    "INTEGER, end_ns INTEGER",
                    {}};
  for (const MmLife* life : lives)
    table.rows.push_back({cell(life->mm.v), cell(life->comm), cell(life->tgid),
                          cell(birth_name(life->birth)), life->from ? cell(life->from.v) : Cell{},
                          cell(life->born_ns),
                          life->end_event == MmLife::kAlive ? Cell{} : cell(life->end_ns)});
  return table;
}

}  // namespace

std::vector<ResultTable> result_tables(const Comparison& c,
                                       const std::vector<const MmLife*>& lives) {
  return {trace_rows(c),     lanes_rows(c),  strategies_rows(c), caches_rows(c), moments_rows(c),
          holders_rows(c),   walks_rows(c),  linked_rows(c),     churn_rows(c),  locks_rows(c),
          anomalies_rows(c), series_rows(c), sum_series_rows(c), mms_rows(lives)};
}

}  // namespace anonvma
