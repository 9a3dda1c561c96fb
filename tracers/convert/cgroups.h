// The cgroups of mms. A cgroup has an id of its own in the trace, and a text with its path.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/ids.h"
#include "engine/trace/event.h"

namespace anonvma {

class Cgroups {
 public:
  // The path of a cgroup by the kernel's id; empty if there is none any more.
  using PathOf = std::function<std::string(std::uint64_t)>;
  void look_up_by(PathOf path_of) { path_of_ = std::move(path_of); }

  struct Known {
    std::uint64_t id = 0;      // in the trace
    std::vector<Text> pieces;  // of the path, the first time
  };
  Known find(std::uint64_t kernel_id);

  // True if the mm was not in this cgroup before.
  bool enters(MmId mm, std::uint64_t id) { return std::exchange(of_[mm], id) != id; }
  void fork(MmId parent, MmId child) {
    if (const auto found = of_.find(parent); found != of_.end()) of_[child] = found->second;
  }
  void remove(MmId mm) { of_.erase(mm); }

 private:
  PathOf path_of_;
  std::unordered_map<std::uint64_t, std::uint64_t> ids_;  // by the kernel's id
  std::unordered_map<MmId, std::uint64_t> of_;
};

}  // namespace anonvma
