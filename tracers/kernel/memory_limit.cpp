#include "tracers/kernel/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace anonvma {
namespace {

bool has_memory(const CgroupMount& mount) {
  return std::find(mount.controllers.begin(), mount.controllers.end(), "memory") !=
         mount.controllers.end();
}

// The path in a line "4:memory:/a/b" of /proc/self/cgroup; "0::/a/b" is of v2.
std::optional<std::string> own_path(std::string_view self, std::string_view controller) {
  std::istringstream text{std::string(self)};
  for (std::string line; std::getline(text, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    std::istringstream names{line.substr(first + 1, second - first - 1)};
    std::string name;
    do {
      std::getline(names, name, ',');
      if (name == controller) return line.substr(second + 1);
    } while (names);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> limit_in(const std::string& directory, bool v2) {
  std::ifstream file(directory + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
  std::uint64_t bytes = 0;
  if (!(file >> bytes)) return std::nullopt;  // "max", or no such file
  return bytes;
}

}  // namespace

std::optional<std::uint64_t> memory_limit(const std::vector<CgroupMount>& mounts,
                                          std::string_view self) {
  const bool v1 = std::any_of(mounts.begin(), mounts.end(), has_memory);
  const auto mount = std::find_if(mounts.begin(), mounts.end(),
                                  [&](const CgroupMount& m) { return v1 ? has_memory(m) : m.v2; });
  const std::optional<std::string> path = own_path(self, v1 ? "memory" : "");
  if (mount == mounts.end() || !path) return std::nullopt;
  std::string below = *path;
  if (mount->root != "/" && below.starts_with(mount->root)) below.erase(0, mount->root.size());
  std::optional<std::uint64_t> lowest;
  for (std::string directory = mount->path + below; directory.size() >= mount->path.size();
       directory.resize(directory.rfind('/')))
    if (const auto limit = limit_in(directory, mount->v2))
      lowest = std::min(lowest.value_or(*limit), *limit);
  return lowest;
}

std::optional<std::uint64_t> memory_limit() {
  std::ifstream self("/proc/self/cgroup");
  return memory_limit(cgroup_mounts(), std::string(std::istreambuf_iterator<char>(self), {}));
}

}  // namespace anonvma
