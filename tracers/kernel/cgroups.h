// Cgroups: the mounted hierarchies, the cgroup that a user names, and the paths of cgroup ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace anonvma {

class KernelBtf;

// One mount of a hierarchy.
struct CgroupMount {
  std::string path;        // where it is mounted
  std::string root = "/";  // the part of the hierarchy that is mounted
  std::string device;      // "0:38", the same for all mounts of a hierarchy
  bool v2 = false;
  std::vector<std::string> controllers;  // of cgroup v1; empty for a hierarchy with a name alone
  friend bool operator==(const CgroupMount&, const CgroupMount&) = default;
};

// The text of /proc/self/mountinfo. Mounts of cgroup v2 come first, then those of v1 as they are
// listed.
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);
std::vector<CgroupMount> cgroup_mounts();

// A hierarchy as the BPF programs know it, and a place to look up ids in.
struct CgroupHierarchy {
  static constexpr std::uint32_t kV2 = ~0u;
  std::uint32_t subsys = kV2;  // number of a controller of v1
  std::string mount;           // empty: not mounted, so no path is known
};

struct CgroupScope {
  std::uint64_t id = 0;
  std::string path;  // of its directory
  CgroupHierarchy hierarchy;
};

// The cgroup that `path` names: a directory in a mounted hierarchy, or a path below a mount.
Result<CgroupScope> find_cgroup(const std::string& path, const std::vector<CgroupMount>& mounts,
                                const KernelBtf& btf);
// The hierarchy in which the kernel charges memory: of v1 if the memory controller is there, else
// v2.
CgroupHierarchy memory_hierarchy(const std::vector<CgroupMount>& mounts, const KernelBtf& btf);

// The path of a cgroup below the mount of its hierarchy, as /proc/PID/cgroup has it: "/a/b". Empty:
// there is none (any more), or nothing tells.
std::string path_of_cgroup(const CgroupHierarchy& hierarchy, std::uint64_t id);

}  // namespace anonvma
