// Parts of the JSON report.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/report/render.h"
#include "engine/report/rows.h"

namespace anonvma {

using Json = nlohmann::ordered_json;

// The part of another trace that a slice is.
Json slice_json(const CutInfo& cut);
// Percent; null if there is nothing to compare with.
Json change_json(const Change& change);
// The schema "anonvma.compare/1".
Json comparison_json(const Comparison& comparison, const ReportOptions& options);
// Churn and locks by operation, walks by moment.
void add_costs(Json& strategy, const ReplayResult& result);
void add_holders(Json& strategy, const ReplayResult& result, const ReportOptions& options);
Json holders_json(const ReplayResult& result, const Moment& moment, const ReportOptions& options);
std::string document(const Json& json);

}  // namespace anonvma
