// Control groups that a scenario makes for itself.
#pragma once

#include <string>

namespace corners {

// A memory cgroup, which ends with this object. Skips the scenario if there is none.
class MemoryCgroup {
 public:
  MemoryCgroup();
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;
  ~MemoryCgroup();

  void join() const;
  void leave() const;
  // At the limit no file can be opened, so the file of the limit is open already.
  void limit(const char* bytes) const;
  // A switch of version 1 of cgroups; for version 2 the process must not be one to be killed.
  void refuse_instead_of_killing() const;
  void unlimit() const { limit("1G"); }

 private:
  std::string root_, path_;
  int limit_file_ = -1;
};

// Two cpusets. Where the machine has several memory nodes, each cpuset has one of them. Skips the
// scenario if a process that moves between the two keeps its memory policies.
class Cpusets {
 public:
  Cpusets();
  Cpusets(const Cpusets&) = delete;
  Cpusets& operator=(const Cpusets&) = delete;
  ~Cpusets();

  // A file of the first or second cpuset.
  std::string file(bool second, const char* name) const;
  bool several_nodes() const { return first_node_ != last_node_; }
  const std::string& node(bool last) const { return last ? last_node_ : first_node_; }

 private:
  std::string root_, first_node_, last_node_;
};

}  // namespace corners
