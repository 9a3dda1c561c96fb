// Runs one program in a session, step by step.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "test/differential/session.h"

namespace anonvma::differential {

// The outcomes of all calls of one operation.
struct Coverage {
  std::uint64_t succeeded = 0, failed = 0, skipped = 0;
};
using CoverageTable = std::array<Coverage, kOps>;

struct Run {
  std::vector<std::string> results;      // by operation; "-": not carried out
  std::vector<std::string> differences;  // from the comparison; empty: equal
  std::size_t reached = 0;               // operations handed out
  std::uint64_t operations = 0;          // carried out
  bool equal() const { return differences.empty(); }
};

// Stops at the first difference. The family has only its nursery again afterwards.
Result<Run> run(Session& session, const Program& program, CoverageTable& coverage);

}  // namespace anonvma::differential
