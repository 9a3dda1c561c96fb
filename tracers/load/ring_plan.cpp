#include "tracers/load/ring_plan.h"

#include <unistd.h>

#include <algorithm>
#include <bit>

#include "tracers/kernel/memory_limit.h"

namespace anonvma {
namespace {

constexpr std::uint64_t kMib = 1u << 20;

}  // namespace

MachineSize machine_size() {
  const auto positive = [](long value) { return static_cast<std::uint64_t>(std::max(value, 1L)); };
  const std::uint64_t memory = positive(sysconf(_SC_PHYS_PAGES)) * positive(sysconf(_SC_PAGESIZE));
  return {positive(sysconf(_SC_NPROCESSORS_ONLN)),
          std::min(memory, memory_limit().value_or(memory))};
}

RingPlan plan_ring(const MachineSize& machine, bool truth, Standing standing) {
  const std::uint64_t per_cpu = (truth ? 32 : 16) * kMib;
  const std::uint64_t wanted = machine.cpus * per_cpu * (standing == Standing::plain ? 8 : 1);
  const std::uint64_t most = std::clamp(machine.memory_bytes / 32, 4 * kMib, 1024 * kMib);
  return {std::min(std::bit_ceil(std::max(wanted, 32 * kMib)), std::bit_floor(most)),
          std::clamp(machine.memory_bytes / 16, 16 * kMib, 1024 * kMib)};
}

std::string_view name_of(Standing standing) {
  switch (standing) {
    case Standing::realtime:
      return "realtime";
    case Standing::nice:
      return "nice";
    case Standing::plain:
      break;
  }
  return "plain";
}

}  // namespace anonvma
