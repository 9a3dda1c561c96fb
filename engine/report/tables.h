// What is in a report, table by table.
#pragma once

#include <vector>

#include "engine/replay/result.h"
#include "engine/report/render.h"
#include "engine/report/rows.h"
#include "engine/report/table.h"

namespace anonvma {

// A block per cache, the sum, and the sum at its peak and at the time asked for. `at_s` as in
// Comparison.
std::vector<Table> object_tables(const Rows& all, std::optional<double> at_s);
// What the remap trees of a design hold at one moment, as a sentence.
std::string remap_line(std::string_view strategy, const Amount& amount);
// A line per strategy each: churn, locks, walks.
std::vector<Table> cost_tables(const Comparison& comparison);
// What all operations came to.
OpCost total_cost(const ReplayResult& row);
// Objects of all caches that the operations allocated, those alive at the start left out.
std::uint64_t churned_objs(const ReplayResult& row);
// The whole of what a single strategy costs, operation by operation.
std::vector<Table> depth_tables(const Comparison& comparison);
// Who holds the objects.
std::vector<Table> holder_tables(const Comparison& comparison, const ReportOptions& options);
// The kernel's map_count against each strategy's vmas.
Table map_count_table(const Comparison& comparison);
// What was odd, a sentence each.
std::vector<std::string> anomaly_lines(const Comparison& comparison, const Rows& all);
// What was lost while recording: "lost 3 (0.10 %), tainted mms 2".
double lost_percent(const TraceSummary& trace);
std::string lost_text(const TraceSummary& trace);
// What the table rests on.
Footer footer(const Comparison& comparison, const Rows& all);

}  // namespace anonvma
