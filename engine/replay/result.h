// What a replay found, as values: two strategies compare by subtraction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/replay/verdict.h"
#include "engine/slab/slab_account.h"
#include "engine/trace/meta.h"

namespace anonvma {

enum class Anomaly : std::uint8_t {
#define ANOMALY(id, severity, meaning) id,
#include "engine/replay/anomalies.def"
#undef ANOMALY
  count
};
enum class Severity : std::uint8_t { info, data_loss, error };
struct AnomalyInfo {
  std::string_view name;
  Severity severity;
  std::string_view meaning;
};
const AnomalyInfo& anomaly_info(Anomaly anomaly);

struct Anomalies {
  std::array<std::uint64_t, static_cast<std::size_t>(Anomaly::count)> counts{};
  std::uint64_t& operator[](Anomaly a) { return counts[static_cast<std::size_t>(a)]; }
  std::uint64_t operator[](Anomaly a) const { return counts[static_cast<std::size_t>(a)]; }
  friend bool operator==(const Anomalies&, const Anomalies&) = default;
};

// The first event whose recorded map_count differs from the model's.
struct Mismatch {
  std::uint64_t event = 0;  // index in the trace
  std::uint64_t time_ns = 0;
  std::uint32_t mm = 0;
  std::string comm;
  std::string operation;  // event type name
  std::uint64_t kernel = 0, model = 0;
  friend bool operator==(const Mismatch&, const Mismatch&) = default;
};

struct ReplayResult {
  std::string strategy;
  std::array<CacheUsage, kNumCaches> caches{};
  std::array<std::uint64_t, kNumCaches> at_start_objs{};  // alive when recording began
  std::uint64_t root_locks = 0;
  std::uint64_t map_counts_compared = 0;
  std::uint64_t map_count_mismatches = 0;
  std::optional<Mismatch> first_mismatch;
  Anomalies anomalies;
  std::vector<std::string> approximate;  // reasons why this row is not exact; empty: it is
  friend bool operator==(const ReplayResult&, const ReplayResult&) = default;
};

// What every table ends with: the thing it rests on.
struct TraceSummary {
  std::string path;
  std::string hash;
  Meta meta;
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
  std::uint64_t skipped = 0;  // records newer than this reader
  std::uint64_t duration_ns = 0;
  std::uint64_t mms = 0;
  std::string own_strategy;  // of the recording kernel; empty when unknown
  std::string rules;         // name of the KernelRules used
  std::string damage;        // why reading stopped early; empty: read to its end
};

struct Comparison {
  TraceSummary trace;
  std::string baseline;
  std::vector<ReplayResult> rows;  // in the order asked for
  // Of the recording kernel's own strategy; none when that is not known or other rules were asked.
  std::optional<Verdict> verdict;
};

}  // namespace anonvma
