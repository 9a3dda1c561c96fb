// The data of a report's page.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>

#include "engine/replay/result.h"

namespace anonvma {

// How much of it goes into the page.
struct PageLimits {
  std::size_t points = 2048;  // of each line over time
  std::size_t nodes = 400;    // of each family tree
  std::size_t holders = 40;   // of each table
};

// One trace: {"subject", "compare": the schema "anonvma.compare/1" with long histograms shortened,
// "series": "anonvma.series/1", "owners", "families", "proof", "footer", "notes", "verify"}.
nlohmann::ordered_json page_data(Comparison comparison, const PageLimits& limits);

}  // namespace anonvma
