// The content of a report, table by table.
#pragma once

#include <vector>

#include "engine/replay/result.h"
#include "engine/report/render.h"
#include "engine/report/rows.h"
#include "engine/report/table.h"

namespace anonvma {

// A block per cache, the sum, and the sum at its peak and at the time of --at. `at_s`
// as in Comparison.
std::vector<Table> object_tables(const Rows& all, std::optional<double> at_s);
// The entries of a design's remap trees at one moment, as a sentence.
std::string remap_line(std::string_view strategy, const Amount& amount);
// Three tables with a line per strategy: churn, locks, walks.
std::vector<Table> cost_tables(const Comparison& comparison);
// The cost of all operations together.
OpCost total_cost(const ReplayResult& row);
// Objects of all caches that the operations allocated, without those alive at the start.
std::uint64_t churned_objs(const ReplayResult& row);
// Slabs as in the model of SLUB, a line per strategy; no rows if the model did not run.
Table slub_table(const Comparison& comparison);
// All costs of a single strategy, operation by operation.
std::vector<Table> depth_tables(const Comparison& comparison);
// Holders of the objects.
std::vector<Table> holder_tables(const Comparison& comparison, const ReportOptions& options);
// The kernel's map_count against each strategy's vmas.
Table map_count_table(const Comparison& comparison);
// Anomalies, a sentence each.
std::vector<std::string> anomaly_lines(const Comparison& comparison, const Rows& all);
// Records lost while recording: "lost 3 (0.10 %), tainted mms 2".
double lost_percent(const TraceSummary& trace);
std::string lost_text(const TraceSummary& trace);
// The sources of the table.
Footer footer(const Comparison& comparison, const Rows& all);

}  // namespace anonvma
