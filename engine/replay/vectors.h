// Test vectors: short lives with the object counts that the real kernel functions gave. Two forms
// are read. A JSON object with "vectors": hand-made scenarios, per checkpoint the numbers of every
// strategy. JSON lines: one random life each, of one strategy, with a row per checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace anonvma {

struct VectorReport {
  std::uint64_t vectors = 0;
  std::uint64_t checkpoints = 0;  // compared (checkpoint, strategy) pairs
  std::uint64_t mismatches = 0;   // of these pairs, those with at least one other number
  std::uint64_t skipped = 0;      // pairs that name a strategy which is not registered
  std::vector<std::string> skipped_strategies;  // each once, sorted
  std::string first_mismatch;                   // in full; empty when there is none
  friend bool operator==(const VectorReport&, const VectorReport&) = default;
};

// An Error when the text is in neither form or an operation is impossible.
Result<VectorReport> run_vectors(std::string_view text);

}  // namespace anonvma
