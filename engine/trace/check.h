// Checks a trace against traces/FORMAT.md: the container byte by byte, then the events one by one.
// Nothing is replayed. Memory grows with the number of live mms and objects, not with the file.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/trace/meta.h"

namespace anonvma {

enum class FindingKind : std::uint8_t {
#define FINDING(id, level, meaning) id,
#include "engine/trace/check_kinds.def"
#undef FINDING
};
enum class FindingLevel : std::uint8_t { container, event, event_or_loss };
struct FindingInfo {
  std::string_view name;
  FindingLevel level;
  std::string_view meaning;
};
std::span<const FindingInfo> finding_kinds();  // by FindingKind
const FindingInfo& info_of(FindingKind kind);

struct Finding {
  FindingKind kind{};
  std::uint64_t chunk = 0;             // its place in the file, counting from 0
  std::uint64_t offset = 0;            // of the chunk, or of bytes that belong to no chunk
  std::optional<std::uint64_t> event;  // its place in the output of `dump`, counting from 0
  std::string what;                    // one clause
};

struct CheckOptions {
  std::size_t most_of_a_kind = 10;  // more of one kind are only counted
  std::function<void(std::uint64_t events, std::uint64_t bytes)> progress{};
};

struct CheckResult {
  Meta meta;
  std::vector<Finding> findings;
  std::array<std::uint64_t, 32> counts{};  // by FindingKind
  std::uint64_t softened = 0;              // contradictions that a loss before them explains
  std::uint64_t undecided = 0;             // contradictions that a loss after the cut may explain
  std::uint64_t chunks = 0, events = 0, lost = 0;
  std::uint64_t skipped_chunks = 0, skipped_records = 0;
  std::uint32_t compat = 0;  // bits that this program does not know
  bool repaired = false;
  std::string hash;  // of the undamaged chunks

  std::uint64_t of(FindingKind kind) const { return counts[static_cast<std::size_t>(kind)]; }
  std::uint64_t of(FindingLevel level) const;  // level event: with event_or_loss
  std::uint64_t all() const;
};

// Returns an error if nothing can be checked: no trace, a newer version, or no
// readable header chunk.
Result<CheckResult> check(std::span<const std::byte> file, const CheckOptions& options = {});

}  // namespace anonvma
