#include "tracers/kernel/processes.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <vector>

namespace anonvma {
namespace {

std::set<std::uint32_t> all_processes() {
  std::set<std::uint32_t> tgids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    std::uint32_t tgid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), tgid);
    if (bad == std::errc{} && end == name.data() + name.size()) tgids.insert(tgid);
  }
  return tgids;
}

// The comm in /proc/PID/stat may contain spaces and parentheses: the last ')' ends it.
std::uint32_t parent_of(std::uint32_t tgid) {
  std::ifstream file("/proc/" + std::to_string(tgid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto end = line.rfind(')');
  if (end == std::string::npos || end + 4 >= line.size()) return 0;
  return static_cast<std::uint32_t>(std::strtoul(line.c_str() + end + 4, nullptr, 10));
}

}  // namespace

std::set<std::uint32_t> processes_with_mm() {
  std::set<std::uint32_t> tgids;
  for (const std::uint32_t tgid : all_processes()) {
    std::ifstream file("/proc/" + std::to_string(tgid) + "/statm");
    std::uint64_t pages = 0;
    if (file >> pages && pages > 0) tgids.insert(tgid);
  }
  return tgids;
}

std::set<std::uint32_t> with_descendants(std::span<const int> roots) {
  std::multimap<std::uint32_t, std::uint32_t> children;
  for (const std::uint32_t tgid : all_processes()) children.emplace(parent_of(tgid), tgid);
  std::set<std::uint32_t> found;
  std::vector<std::uint32_t> open(roots.begin(), roots.end());
  while (!open.empty()) {
    const std::uint32_t tgid = open.back();
    open.pop_back();
    if (!found.insert(tgid).second) continue;
    const auto [first, last] = children.equal_range(tgid);
    for (auto it = first; it != last; ++it) open.push_back(it->second);
  }
  return found;
}

}  // namespace anonvma
