// A comparison of two designs with literal numbers, for tests of reports: every number of its table
// can be computed by hand.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "engine/report/render.h"

namespace anonvma::test {

constexpr std::size_t index(OpKind kind) { return static_cast<std::size_t>(kind); }

inline ReplayResult result(std::string name, std::array<CacheUsage, kNumCaches> caches) {
  ReplayResult row;
  row.strategy = std::move(name);
  row.rules = "linux-6.18";
  row.specs = {default_cache_specs(), {}};
  std::copy(caches.begin(), caches.end(), row.caches.begin());
  for (std::size_t c = 0; c < kNumCaches; ++c) row.end.slab.objs[c] = caches[c].active_objs;
  row.end.slab.time_ns = 1'500'000'000;
  row.map_counts_compared = 200;
  return row;
}

inline void set_peak(ReplayResult& row, std::array<std::uint64_t, kNumCaches> objs,
                     std::uint64_t ns) {
  std::copy(objs.begin(), objs.end(), row.peak.slab.objs.begin());
  row.peak.slab.time_ns = ns;
}

// num-children against a design that keeps no anon_vma.
inline Comparison example() {
  Comparison c;
  c.baseline = "num-children";
  c.trace.path = "samples/a.trace";
  c.trace.hash = "0123456789abcdef";
  c.trace.meta.release = "6.18.44";
  c.trace.meta.machine = "x86_64";
  c.trace.meta.cpus = 2;
  c.trace.meta.scope = "command";
  c.trace.meta.faults = "write";
  c.trace.events = 999;
  c.trace.lost = 1;
  c.trace.tainted_mms = 2;
  c.trace.tainted_at_end = 1;
  c.trace.duration_ns = 1'500'000'000;
  c.trace.mms = 3;
  c.trace.own_strategy = "num-children";
  c.trace.rules = "linux-6.18";
  c.rows.push_back(result("num-children", {CacheUsage{16, 22, 30, 14}, CacheUsage{32, 64, 80, 48},
                                           CacheUsage{0, 40, 50, 50}}));
  c.rows.push_back(result("lazy-v1-noleak", {CacheUsage{16, 24, 32, 16}, CacheUsage{0, 32, 40, 40},
                                             CacheUsage{2, 20, 25, 23}}));
  set_peak(c.rows[0], {20, 60, 40}, 250'000'000);
  set_peak(c.rows[1], {24, 30, 20}, 500'000'000);
  c.rows[0].root_locks = 100;
  c.rows[1].root_locks = 110;
  c.verdict = Verdict{};
  c.verdict->lanes = {{"map_count before operations", 10, 10, ""},
                      {"chain entries in walks", 0, 0, "recorded without --truth"}};
  return c;
}

// The same with costs of operations.
inline Comparison costly_example() {
  Comparison c = example();
  for (ReplayResult& row : c.rows) {
    const std::uint64_t factor = row.strategy == c.baseline ? 2 : 1;
    OpCost& start = row.costs[index(OpKind::start)];
    start.allocs[kVmAreaStruct] = 1000;  // no churn
    OpCost& fork = row.costs[index(OpKind::fork)];
    fork = {.operations = 3,
            .allocs = {10 * factor, 20 * factor, 5 * factor},
            .frees = {},
            .locks = {.holds = 40 * factor, .vmas = 40 * factor, .objs = 60, .longest_objs = 7},
            .vma_layer_locks = 0};
    OpCost& exit = row.costs[index(OpKind::exit)];
    exit = {.operations = 2,
            .allocs = {},
            .frees = {9, 8, 7},
            .locks = {.holds = 10, .vmas = 10, .objs = 20, .longest_objs = 4},
            .vma_layer_locks = 0};
    OpCost& fault = row.costs[index(OpKind::fault)];
    fault.operations = 100;
    fault.allocs[kAnonVma] = 15;
    fault.vma_layer_locks = 6;
    row.peak.walks = {.vmas = 9,
                      .min = 1,
                      .median = 2,
                      .p99 = 10,
                      .max = 11,
                      .vmas_per_anon_vma = {{0, 4}, {1, 3}, {3, 2}, {5, 1}, {8, 1}}};
    row.peak.holders = {{MmId{1}, "init", {4, 10, 5}},
                        {MmId{2}, "cc1", {10, 30, 20}},
                        {MmId{5}, "cc1", {5, 15, 10}},
                        {MmId{}, "", {1, 5, 5}}};
  }
  return c;
}

inline std::string text_of(const Comparison& c) { return render(c, {}); }

inline std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != text.npos; begin = end + 1)
    longest = std::max(longest, end - begin);
  return longest;
}

}  // namespace anonvma::test
