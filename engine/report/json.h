// Parts of the JSON report.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/report/render.h"

namespace anonvma {

using Json = nlohmann::ordered_json;

// Churn and locks by operation, walks by moment.
void add_costs(Json& strategy, const ReplayResult& result);
void add_holders(Json& strategy, const ReplayResult& result, const ReportOptions& options);
std::string document(const Json& json);

}  // namespace anonvma
