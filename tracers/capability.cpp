#include "tracers/capability.h"

#include <linux/capability.h>

#include <cstdint>
#include <fstream>

namespace anonvma {

std::vector<std::string> missing_capabilities() {
  std::uint64_t effective = 0;
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;)
    if (key == "CapEff:") status >> std::hex >> effective;
  const auto has = [&](int capability) { return (effective >> capability & 1) != 0; };
  std::vector<std::string> missing;
  if (has(CAP_SYS_ADMIN)) return missing;
  if (!has(CAP_BPF)) missing.emplace_back("CAP_BPF");
  if (!has(CAP_PERFMON)) missing.emplace_back("CAP_PERFMON");
  return missing;
}

}  // namespace anonvma
