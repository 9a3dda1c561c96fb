#include "engine/vma/anomalies.h"

namespace anonvma {

namespace {
constexpr std::array<AnomalyInfo, static_cast<std::size_t>(Anomaly::count)> kAnomalies{{
#define ANOMALY(id, severity, meaning) {#id, Severity::severity, meaning},
#include "engine/vma/anomalies.def"
#undef ANOMALY
}};
}  // namespace

const AnomalyInfo& anomaly_info(Anomaly anomaly) {
  return kAnomalies[static_cast<std::size_t>(anomaly)];
}

}  // namespace anonvma
