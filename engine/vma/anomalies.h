// Oddities of a trace that a replay survives: one counter each, listed in anomalies.def.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace anonvma {

enum class Anomaly : std::uint8_t {
#define ANOMALY(id, severity, meaning) id,
#include "engine/vma/anomalies.def"
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

}  // namespace anonvma
