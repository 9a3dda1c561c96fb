// Whether a trace holds what traces/FORMAT.md promises of it: the container byte by byte, then the
// events one by one. Nothing is replayed, and memory grows with what is alive, not with the file.
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
  std::uint64_t offset = 0;            // of the chunk, or of the bytes that are none
  std::optional<std::uint64_t> event;  // its place among those of `dump`, counting from 0
  std::string what;                    // one clause
};

struct CheckOptions {
  std::size_t most_of_a_kind = 10;  // the rest is only counted
  std::function<void(std::uint64_t events)> progress{};
};

struct CheckResult {
  Meta meta;
  std::vector<Finding> findings;
  std::array<std::uint64_t, 32> counts{};  // of all, by FindingKind
  std::uint64_t softened = 0;              // what would be a finding but for a loss before it
  std::uint64_t undecided = 0;             // what may follow from a loss behind the cut
  std::uint64_t chunks = 0, events = 0, lost = 0;
  std::uint64_t skipped_chunks = 0, skipped_records = 0;
  std::uint32_t compat = 0;  // bits that this program does not know
  bool repaired = false;
  std::string hash;  // of the chunks that are whole

  std::uint64_t of(FindingKind kind) const { return counts[static_cast<std::size_t>(kind)]; }
  std::uint64_t of(FindingLevel level) const;  // event: both kinds of it
  std::uint64_t all() const;
};

// An error where nothing can be checked: no trace, a newer version, or no readable header chunk.
Result<CheckResult> check(std::span<const std::byte> file, const CheckOptions& options = {});

}  // namespace anonvma
