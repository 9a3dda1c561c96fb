// An SQLite database made of tables in memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/report/export/result_tables.h"
#include "engine/result.h"

namespace anonvma::cmd {

// The bytes of a database file with these tables. Fails where the build has no SQLite.
Result<std::vector<std::byte>> sqlite_bytes(std::span<const ResultTable> tables);

}  // namespace anonvma::cmd
