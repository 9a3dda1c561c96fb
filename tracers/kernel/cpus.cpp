#include "tracers/kernel/cpus.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>

namespace anonvma {
namespace {

constexpr std::string_view kCpuFolder = "/sys/devices/system/cpu";

// Takes a number from the front of `text`.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{}) return {};
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::vector<std::uint32_t> parse_cpu_list(std::string_view list) {
  std::vector<std::uint32_t> cpus;
  do {
    const std::optional<std::uint32_t> first = take_number(list);
    const std::optional<std::uint32_t> last = first && take(list, '-') ? take_number(list) : first;
    if (!first || !last || *last < *first || *last >= kMaxCpus) return {};
    if (!cpus.empty() && *first <= cpus.back()) return {};
    for (std::uint32_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  } while (take(list, ','));
  return list.empty() ? cpus : std::vector<std::uint32_t>{};
}

std::vector<std::uint32_t> possible_cpus() {
  std::ifstream file(fmt::format("{}/possible", kCpuFolder));
  std::string list;
  std::getline(file, list);
  std::vector<std::uint32_t> cpus = parse_cpu_list(list);
  if (!cpus.empty()) return cpus;
  cpus.resize(static_cast<std::size_t>(std::max(sysconf(_SC_NPROCESSORS_CONF), 1l)));
  std::iota(cpus.begin(), cpus.end(), 0);  // without sysfs
  return cpus;
}

}  // namespace anonvma
