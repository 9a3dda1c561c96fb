#include "cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>

#include "corner.h"

namespace corners {
namespace {

std::string name_of_own() { return "/anonvma-corner-" + std::to_string(getpid()); }

void enter(const std::string& group) {
  write_text((group + "/cgroup.procs").c_str(), std::to_string(getpid()));
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

MemoryCgroup::MemoryCgroup() {
  for (const char* root : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"}) {
    root_ = root;
    path_ = root + name_of_own();
    if (mkdir(path_.c_str(), 0755) != 0) continue;
    for (const char* limit : {"/memory.limit_in_bytes", "/memory.max"})
      if (limit_file_ < 0) limit_file_ = open((path_ + limit).c_str(), O_WRONLY | O_CLOEXEC);
    if (limit_file_ >= 0) return;
    rmdir(path_.c_str());
  }
  skip("no memory cgroup can be made here");
}

MemoryCgroup::~MemoryCgroup() {
  close(limit_file_);
  rmdir(path_.c_str());
}

void MemoryCgroup::join() const { enter(path_); }
void MemoryCgroup::leave() const { enter(root_); }

void MemoryCgroup::limit(const char* bytes) const {
  const std::size_t length = std::strlen(bytes);
  must(write(limit_file_, bytes, length) == static_cast<ssize_t>(length), "a memory limit");
}

void MemoryCgroup::refuse_instead_of_killing() const {
  const std::string control = path_ + "/memory.oom_control";
  if (access(control.c_str(), W_OK) == 0)
    write_text(control.c_str(), "1");
  else
    write_text("/proc/self/oom_score_adj", "-1000");
}

// Version 1 rebinds policies at each move between cpusets, version 2 only if their nodes differ.
Cpusets::Cpusets() {
  const bool v1 = access("/sys/fs/cgroup/cpuset/cpuset.mems", F_OK) == 0;
  const std::string top = v1 ? "/sys/fs/cgroup/cpuset" : "/sys/fs/cgroup";
  const std::string cpus = first_line(top + (v1 ? "/cpuset.cpus" : "/cpuset.cpus.effective"));
  const std::string nodes = first_line(top + (v1 ? "/cpuset.mems" : "/cpuset.mems.effective"));
  if (cpus.empty() || nodes.empty()) skip("there are no cpusets here");
  first_node_ = nodes.substr(0, nodes.find_first_of(",-"));
  last_node_ = nodes.substr(nodes.find_last_of(",-") + 1);
  if (!v1 && !several_nodes()) skip("one memory node, and cpusets of version 2");
  if (!v1) write_text((top + "/cgroup.subtree_control").c_str(), "+cpuset");
  root_ = top + name_of_own();
  for (const bool second : {false, true}) {
    must(mkdir(file(second, "").c_str(), 0755) == 0, "a cpuset");
    write_text(file(second, "cpuset.cpus").c_str(), cpus);
    write_text(file(second, "cpuset.mems").c_str(), node(second));
  }
}

Cpusets::~Cpusets() {
  for (const bool second : {false, true}) rmdir(file(second, "").c_str());
}

std::string Cpusets::file(bool second, const char* name) const {
  return root_ + (second ? "-b/" : "-a/") + name;
}

}  // namespace corners
