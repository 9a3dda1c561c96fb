// The mounted hierarchies of cgroups, and what the recorder reads of them.
#include "tracers/kernel/cgroups.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "test/catch.h"
#include "tracers/kernel/btf.h"
#include "tracers/kernel/memory_limit.h"

namespace anonvma::test {
namespace {

constexpr const char* kMounts =
    "23 1 0:21 / / rw - ext4 /dev/vda rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "35 31 0:32 /docker/4f1a /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
    "36 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
    "41 31 0:38 / /a\\040b\\134c rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

// A folder that stands for the mount of a hierarchy.
struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/anonvma.cgroups.XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void put(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path + file).parent_path());
    std::ofstream(path + file) << text;
  }
};

}  // namespace

TEST_CASE("mounts of cgroups: v2 first, v1 with controllers") {
  const std::vector<CgroupMount> mounts = parse_cgroup_mounts(kMounts);
  REQUIRE(mounts.size() == 4);
  CHECK(mounts[0] == CgroupMount{"/a b\\c", "/", "0:38", true, {}});
  CHECK(mounts[1] ==
        CgroupMount{"/sys/fs/cgroup/memory", "/docker/4f1a", "0:32", false, {"memory"}});
  CHECK(mounts[2] == CgroupMount{"/sys/fs/cgroup/cpu", "/", "0:30", false, {"cpu", "cpuacct"}});
  CHECK(mounts[3] == CgroupMount{"/sys/fs/cgroup/systemd", "/", "0:37", false, {}});
  CHECK(parse_cgroup_mounts("").empty());
  CHECK(parse_cgroup_mounts("a line that is none\n - cgroup2").size() <= 1);
}

TEST_CASE("the memory limit is the lowest from the own cgroup up") {
  const Folder folder;
  folder.put("/memory.max", "max\n");
  folder.put("/a/memory.max", "67108864\n");
  folder.put("/a/b/memory.max", "134217728\n");
  std::vector<CgroupMount> mounts{{folder.path, "/", "0:1", true, {}}};
  CHECK(memory_limit(mounts, "4:memory:/x\n0::/a/b\n") == 67108864);
  CHECK(memory_limit(mounts, "0::/a\n") == 67108864);
  CHECK(memory_limit(mounts, "0::/\n") == std::nullopt);
  CHECK(memory_limit(mounts, "0::/nowhere\n") == std::nullopt);
  CHECK(memory_limit({}, "0::/a\n") == std::nullopt);
  mounts[0].root = "/docker/1";  // the path begins above the mount
  CHECK(memory_limit(mounts, "0::/docker/1/a\n") == 67108864);

  folder.put("/a/memory.limit_in_bytes", "33554432\n");
  mounts.push_back({folder.path, "/", "0:2", false, {"cpu", "memory"}});
  CHECK(memory_limit(mounts, "0::/a/b\n7:cpu,memory:/a\n") == 33554432);
}

}  // namespace anonvma::test
