#include "tracers/kernel/cgroups.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "tracers/kernel/btf.h"
#include "tracers/kernel/fd.h"

namespace anonvma {
namespace {

// mountinfo writes a space, a tab, a newline and a backslash as an octal number: "\040".
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size() &&
                        std::all_of(&text[i + 1], &text[i + 4],
                                    [](char digit) { return digit >= '0' && digit <= '7'; });
    if (!escape) {
      plain += text[i];
      continue;
    }
    plain +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

// A controller has another name in the enumeration of the kernel than in v1 if it is older than v2.
std::string enumerator_of(const std::string& controller) {
  return (controller == "blkio" ? "io" : controller) + "_cgrp_id";
}

// "36 31 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
std::optional<CgroupMount> parse_mount(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string word, type, source, options;
  CgroupMount mount;
  words >> word >> word >> mount.device >> mount.root >> mount.path;
  while (words >> word && word != "-") continue;
  words >> type >> source >> options;
  mount.path = unescaped(mount.path);
  mount.root = unescaped(mount.root);
  mount.v2 = type == "cgroup2";
  if (mount.v2) return mount;
  if (type != "cgroup") return std::nullopt;
  std::istringstream all{options};
  constexpr std::array<std::string_view, 5> kNoController{"rw", "ro", "xattr", "noprefix",
                                                          "clone_children"};
  while (std::getline(all, word, ',')) {
    const bool other =
        word.find('=') != std::string::npos ||
        std::find(kNoController.begin(), kNoController.end(), word) != kNoController.end();
    if (!other) mount.controllers.push_back(word);
  }
  return mount;
}

std::optional<CgroupHierarchy> hierarchy_of(const CgroupMount& mount, const KernelBtf& btf) {
  if (mount.v2) return CgroupHierarchy{CgroupHierarchy::kV2, mount.path};
  for (const std::string& controller : mount.controllers)
    if (const auto number = btf.enumerator("cgroup_subsys_id", enumerator_of(controller)))
      return CgroupHierarchy{static_cast<std::uint32_t>(*number), mount.path};
  return std::nullopt;
}

// The id of the directory, if it is in the hierarchy of the mount; 0 if not. The kernel gives a
// directory of a cgroup the cgroup's id as inode number.
std::uint64_t id_of(const std::string& path, const CgroupMount& mount) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return 0;
  const std::string device = fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev));
  return device == mount.device ? status.st_ino : 0;
}

std::string below(const std::string& mount, const std::string& path) {
  return mount + (path.starts_with('/') ? "" : "/") + path;
}

Error no_such_cgroup(const std::string& path, const std::vector<CgroupMount>& mounts) {
  if (mounts.empty())
    return {ErrorCode::not_supported,
            "no hierarchy of cgroups is mounted here: mount -t cgroup2 none /mnt, and name a "
            "directory there"};
  std::string list;
  for (const CgroupMount& mount : mounts)
    if (mount.v2 || !mount.controllers.empty()) list += (list.empty() ? "" : ", ") + mount.path;
  return {ErrorCode::usage,
          fmt::format("{}: no such cgroup, neither as a directory nor below {}", path, list)};
}

}  // namespace

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  std::istringstream text{std::string(mountinfo)};
  for (std::string line; std::getline(text, line);)
    if (const std::optional<CgroupMount> mount = parse_mount(line)) mounts.push_back(*mount);
  std::stable_partition(mounts.begin(), mounts.end(), [](const CgroupMount& m) { return m.v2; });
  return mounts;
}

std::vector<CgroupMount> cgroup_mounts() {
  std::ifstream file("/proc/self/mountinfo");
  return parse_cgroup_mounts(std::string(std::istreambuf_iterator<char>(file), {}));
}

Result<CgroupScope> find_cgroup(const std::string& path, const std::vector<CgroupMount>& mounts,
                                const KernelBtf& btf) {
  const auto scope = [&](const std::string& directory,
                         const CgroupMount& mount) -> Result<CgroupScope> {
    const std::optional<CgroupHierarchy> hierarchy = hierarchy_of(mount, btf);
    if (hierarchy) return CgroupScope{id_of(directory, mount), directory, *hierarchy};
    return Error{ErrorCode::usage,
                 fmt::format("{}: this hierarchy has no controller, and the kernel does not tell "
                             "the tasks' cgroups in it: name a cgroup of another one",
                             directory)};
  };
  if (path.starts_with('/'))
    for (const CgroupMount& mount : mounts)
      if (id_of(path, mount) != 0) return scope(path, mount);
  for (const CgroupMount& mount : mounts) {
    const bool named = !mount.v2 && mount.controllers.empty();
    const std::string directory = below(mount.path, path);
    if (!named && id_of(directory, mount) != 0) return scope(directory, mount);
  }
  return no_such_cgroup(path, mounts);
}

CgroupHierarchy memory_hierarchy(const std::vector<CgroupMount>& mounts, const KernelBtf& btf) {
  for (const CgroupMount& mount : mounts)
    if (std::find(mount.controllers.begin(), mount.controllers.end(), "memory") !=
        mount.controllers.end())
      if (const auto hierarchy = hierarchy_of(mount, btf)) return *hierarchy;
  for (const CgroupMount& mount : mounts)
    if (mount.v2) return *hierarchy_of(mount, btf);
  return {};
}

// A file handle of a cgroup is its id.
std::string path_of_cgroup(const CgroupHierarchy& hierarchy, std::uint64_t id) {
  if (hierarchy.mount.empty() || id == 0) return "";
  constexpr int kKernfs = 0xfe;  // FILEID_KERNFS
  struct {
    file_handle head;
    std::uint64_t id;
  } handle{};
  static_assert(offsetof(decltype(handle), id) == sizeof(file_handle));
  handle.head.handle_bytes = sizeof handle.id;
  handle.head.handle_type = kKernfs;
  handle.id = id;
  const Fd mount(open(hierarchy.mount.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (mount.get() < 0) return "";
  const Fd found(open_by_handle_at(mount.get(), &handle.head, O_PATH | O_CLOEXEC));
  if (found.get() < 0) return "";
  std::array<char, 4096> path{};
  const std::string link = fmt::format("/proc/self/fd/{}", found.get());
  const ssize_t size = readlink(link.c_str(), path.data(), path.size());
  if (size <= 0) return "";
  std::string_view text(path.data(), static_cast<std::size_t>(size));
  if (!text.starts_with(hierarchy.mount)) return std::string(text);
  text.remove_prefix(hierarchy.mount.size());
  return text.empty() ? "/" : std::string(text);
}

}  // namespace anonvma
