// All results of a comparison as tables of plain cells, for a database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/look/lives.h"
#include "engine/replay/result.h"

namespace anonvma {

// std::monostate is NULL.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

struct ResultTable {
  std::string_view name;
  std::string_view columns;  // as in CREATE TABLE: "strategy TEXT, objs INTEGER"
  std::vector<std::vector<Cell>> rows;
};

// The rows of the comparison may have timelines.
std::vector<ResultTable> result_tables(const Comparison& comparison,
                                       const std::vector<const MmLife*>& lives);

}  // namespace anonvma
