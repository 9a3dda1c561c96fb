#include "tracers/kernel/clock.h"

#include <chrono>
#include <ctime>
#include <fstream>
#include <string>

namespace anonvma {
namespace {

// The offset that this time namespace adds.
std::int64_t namespace_offset_ns() {
  std::ifstream offsets("/proc/self/timens_offsets");
  std::string clock;
  std::int64_t seconds = 0, ns = 0;
  while (offsets >> clock >> seconds >> ns)
    if (clock == "monotonic") return seconds * 1'000'000'000 + ns;
  return 0;
}

}  // namespace

std::uint64_t kernel_monotonic_ns() {
  static const std::int64_t offset = namespace_offset_ns();
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec -
                                    offset);
}

std::uint64_t unix_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace anonvma
