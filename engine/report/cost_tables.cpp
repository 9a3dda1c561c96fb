// Churn, locks and walks: a line per strategy, or all details of a single one.
#include <fmt/format.h>

#include <algorithm>

#include "engine/report/tables.h"

namespace anonvma {
namespace {

std::uint64_t objs(const std::array<std::uint64_t, kAllCaches>& counts) {
  std::uint64_t sum = 0;
  for (const std::uint64_t n : counts) sum += n;
  return sum;
}

const ReplayResult* baseline(const Comparison& comparison) {
  for (const ReplayResult& row : comparison.rows)
    if (row.strategy == comparison.baseline) return &row;
  return nullptr;
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0
             ? "-"
             : fmt::format("{:.1f}%", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string mean(std::uint64_t sum, std::uint64_t n) {
  return n == 0 ? "-" : fmt::format("{:.2f}", static_cast<double>(sum) / static_cast<double>(n));
}

Table churn_table(const Comparison& comparison) {
  const bool changes = comparison.rows.size() > 1;
  Table table{"churn: objects of all caches", {"strategy", "allocs"}, {}, {}};
  if (changes) table.header.emplace_back("change");
  table.header.emplace_back("frees");
  constexpr OpKind kShown[] = {OpKind::exec, OpKind::fork, OpKind::map, OpKind::protect,
                               OpKind::fault};
  for (const OpKind kind : kShown) table.header.emplace_back(op_kind_name(kind));
  table.header.emplace_back("other");
  const ReplayResult* base = baseline(comparison);
  for (const ReplayResult& row : comparison.rows) {
    const std::uint64_t all = churned_objs(row);
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells.push_back(row.strategy);
    cells.push_back(number(all));
    if (changes)
      cells.push_back(
          percent(&row == base, base == nullptr ? Change{} : change(all, churned_objs(*base))));
    cells.push_back(number(objs(total_cost(row).frees)));
    std::uint64_t rest = all;
    for (const OpKind kind : kShown) {
      const std::uint64_t part = objs(row.costs[static_cast<std::size_t>(kind)].allocs);
      cells.push_back(share(part, all));
      rest -= part;
    }
    cells.push_back(share(rest, all));
  }
  table.notes.emplace_back("A column of an operation is its share of the allocations.");
  return table;
}

Table lock_table(const Comparison& comparison) {
  const bool changes = comparison.rows.size() > 1;
  Table table{"locks: acquisitions of anon_vma root locks", {"strategy", "root_locks"}, {}, {}};
  if (changes) table.header.emplace_back("change");
  for (const char* name : {"fork", "exit", "vmas/hold", "objs/hold", "longest", "vma_layer"})
    table.header.emplace_back(name);
  const ReplayResult* base = baseline(comparison);
  for (const ReplayResult& row : comparison.rows) {
    const OpCost all = total_cost(row);
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells.push_back(row.strategy);
    cells.push_back(number(row.root_locks));
    if (changes)
      cells.push_back(percent(
          &row == base, base == nullptr ? Change{} : change(row.root_locks, base->root_locks)));
    for (const OpKind kind : {OpKind::fork, OpKind::exit})
      cells.push_back(
          share(row.costs[static_cast<std::size_t>(kind)].locks.holds, all.locks.holds));
    cells.push_back(mean(all.locks.vmas, all.locks.vmas == 0 ? 0 : all.locks.holds));
    cells.push_back(mean(all.locks.objs, all.locks.holds));
    cells.push_back(number(all.locks.longest_objs));
    cells.push_back(number(all.vma_layer_locks));
  }
  table.notes.emplace_back(
      "root_locks: of mm/rmap.c, exact. longest: objects linked or unlinked under one hold. "
      "vma_layer: acquisitions around changes of ranges, as read in the source, not executed.");
  return table;
}

// Walks at one moment. `walks` returns those of a row, or nullptr.
template <class Of>
Table walk_table(const Comparison& comparison, std::string_view when, Of walks) {
  Table table{fmt::format("walks {}: vmas visited for a page first faulted in a vma", when),
              {"strategy", "faulted", "min", "median", "p99", "max"},
              {},
              {}};
  bool any = false;
  for (const ReplayResult& row : comparison.rows) {
    const Walks* of_row = walks(row);
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells.push_back(row.strategy);
    if (of_row == nullptr || of_row->vmas == 0) {
      cells.insert(cells.end(), {"0", "-", "-", "-", "-"});
      continue;
    }
    any = true;
    for (const std::uint64_t n :
         {of_row->vmas, of_row->min, of_row->median, of_row->p99, of_row->max})
      cells.push_back(number(n));
  }
  if (!any) table.rows.clear();
  return table;
}

Table operations_table(const ReplayResult& row, const std::vector<CacheIndex>& caches) {
  Table table{"churn by operation", {"operation", "operations"}, {}, {}};
  for (const CacheIndex cache : caches) {
    table.header.push_back(fmt::format("+{}", cache_name(cache)));
    table.header.emplace_back("freed");
  }
  const auto add = [&](std::string_view name, const OpCost& cost) {
    if (cost == OpCost{}) return;
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells.emplace_back(name);
    cells.push_back(number(cost.operations));
    for (const CacheIndex cache : caches) {
      cells.push_back(number(cost.allocs[cache]));
      cells.push_back(number(cost.frees[cache]));
    }
  };
  for (std::size_t k = 0; k < kNumOpKinds; ++k)
    add(op_kind_name(static_cast<OpKind>(k)), row.costs[k]);
  add("all", total_cost(row));
  return table;
}

Table locks_by_operation(const ReplayResult& row) {
  Table table{"locks by operation",
              {"operation", "root_locks", "vmas/hold", "objs/hold", "longest", "vma_layer"},
              {},
              {}};
  const auto add = [&](std::string_view name, const OpCost& cost) {
    if (cost.locks.holds == 0 && cost.vma_layer_locks == 0) return;
    table.rows.push_back({std::string(name), number(cost.locks.holds),
                          mean(cost.locks.vmas, cost.locks.vmas == 0 ? 0 : cost.locks.holds),
                          mean(cost.locks.objs, cost.locks.holds), number(cost.locks.longest_objs),
                          number(cost.vma_layer_locks)});
  };
  for (std::size_t k = 0; k < kNumOpKinds; ++k)
    add(op_kind_name(static_cast<OpKind>(k)), row.costs[k]);
  add("all", total_cost(row));
  return table;
}

// Bytes and slabs, packed perfectly and as in the SLUB model.
Table slab_table(const ReplayResult& row, const std::vector<CacheIndex>& caches,
                 std::uint64_t page_size) {
  Table table{
      "slabs",
      {"cache", "objsize", "per_slab", "pages", "peak_objs", "peak_KB", "packed", "slub",
       "slub:end", "guessed"},
      {},
      {"packed: slabs that the cache's own peak needs when packed perfectly, a lower bound. "
       "slub: the most that a model of SLUB held, with its slabs per CPU and partial lists; "
       "slub:end at the end. guessed: frees in that model of objects that the "
       "freeing mm had not allocated."}};
  for (const CacheIndex cache : caches) {
    const CacheSpec& spec = row.specs.specs[cache];
    const std::uint64_t peak = row.caches[cache].peak_objs;
    const std::uint64_t slab_bytes = page_size * spec.pagesperslab;
    const std::uint64_t packed =
        slab_bytes == 0 ? 0 : min_slab_bytes(spec, peak, page_size) / slab_bytes;
    std::vector<std::string>& cells = table.rows.emplace_back();
    cells.emplace_back(cache_name(cache));
    for (const std::uint64_t n : {std::uint64_t{spec.objsize}, std::uint64_t{spec.objperslab},
                                  std::uint64_t{spec.pagesperslab}, peak})
      cells.push_back(number(n));
    cells.push_back(kb(peak * spec.objsize));
    cells.push_back(number(packed));
    if (row.slub)
      for (const std::uint64_t n : {(*row.slub)[cache].slabs_peak, (*row.slub)[cache].slabs_end,
                                    (*row.slub)[cache].guessed_frees})
        cells.push_back(number(n));
    else
      cells.insert(cells.end(), {"-", "-", "-"});
  }
  return table;
}

// Bins that double: 0, 1, 2, 3-4, 5-8, ...
Table histogram_table(const ReplayResult& row) {
  Table table{"vmas per anon_vma", {"vmas", "peak", "end"}, {}, {}};
  if (row.at) table.header.emplace_back("at");
  std::vector<const Walks*> moments{&row.peak.walks, &row.end.walks};
  if (row.at) moments.push_back(&row.at->walks);
  std::uint64_t longest = 0;
  for (const Walks* walks : moments)
    if (!walks->vmas_per_anon_vma.empty())
      longest = std::max(longest, walks->vmas_per_anon_vma.back().first);
  for (std::uint64_t low = 0, high = 0; low <= longest;
       low = high + 1, high = high == 0 ? 1 : 2 * high) {
    std::vector<std::string> cells{low == high ? number(low) : fmt::format("{}-{}", low, high)};
    std::uint64_t all = 0;
    for (const Walks* walks : moments) {
      std::uint64_t n = 0;
      for (const auto& [vmas, anon_vmas] : walks->vmas_per_anon_vma)
        if (vmas >= low && vmas <= high) n += anon_vmas;
      cells.push_back(number(n));
      all += n;
    }
    if (all > 0) table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace

OpCost total_cost(const ReplayResult& row) {
  OpCost sum;
  for (const OpCost& cost : row.costs) sum += cost;
  return sum;
}

std::uint64_t churned_objs(const ReplayResult& row) {
  return objs(total_cost(row).allocs) -
         objs(row.costs[static_cast<std::size_t>(OpKind::start)].allocs);
}

std::vector<Table> cost_tables(const Comparison& comparison) {
  std::vector<Table> tables{churn_table(comparison), lock_table(comparison)};
  tables.push_back(walk_table(comparison, "at the peak of the sum",
                              [](const ReplayResult& row) { return &row.peak.walks; }));
  if (comparison.at_s)
    tables.push_back(
        walk_table(comparison, fmt::format("at {:.3f} s", *comparison.at_s),
                   [](const ReplayResult& row) { return row.at ? &row.at->walks : nullptr; }));
  tables.push_back(
      walk_table(comparison, "at the end", [](const ReplayResult& row) { return &row.end.walks; }));
  std::erase_if(tables, [](const Table& table) { return table.rows.empty(); });
  const auto last = std::find_if(tables.rbegin(), tables.rend(), [](const Table& table) {
    return table.title.starts_with("walks");
  });
  if (last != tables.rend())
    last->notes.emplace_back(
        "faulted: vmas with pages of their own, which the other columns are about.");
  return tables;
}

Table slub_table(const Comparison& comparison) {
  Table table{
      "slabs in a model of SLUB, all caches", {"strategy", "peak", "end", "guessed"}, {}, {}};
  for (const ReplayResult& row : comparison.rows) {
    if (!row.slub) continue;
    SlubUse sum;
    for (const SlubUse& use : *row.slub) {
      sum.slabs_peak += use.slabs_peak;
      sum.slabs_end += use.slabs_end;
      sum.guessed_frees += use.guessed_frees;
    }
    table.rows.push_back(
        {row.strategy, number(sum.slabs_peak), number(sum.slabs_end), number(sum.guessed_frees)});
  }
  table.notes.emplace_back(
      "peak: the peaks of the caches, added up. guessed: frees of objects that "
      "the freeing mm had not allocated.");
  return table;
}

std::vector<Table> depth_tables(const Comparison& comparison) {
  std::vector<Table> tables;
  for (const ReplayResult& row : comparison.rows) {
    std::vector<CacheIndex> caches;
    for (std::size_t c = 0; c < kAllCaches; ++c)
      if (row.caches[c].allocs > 0) caches.push_back(static_cast<CacheIndex>(c));
    tables.push_back(slab_table(row, caches, comparison.trace.meta.page_size));
    tables.push_back(operations_table(row, caches));
    tables.push_back(locks_by_operation(row));
    tables.push_back(histogram_table(row));
  }
  std::erase_if(tables, [](const Table& table) { return table.rows.empty(); });
  return tables;
}

}  // namespace anonvma
