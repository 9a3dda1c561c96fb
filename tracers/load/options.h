// The choices of a recording that concern the BPF programs.
#pragma once

#include <cstdint>

#include "tracers/records.h"

namespace anonvma {

struct LoaderOptions {
  anonvma_faults faults = ANONVMA_FAULTS_WRITE;
  bool truth = false;
  bool tracked_only = false;      // only mms that the walk, target_tgid or cgroup brings in
  std::uint32_t target_tgid = 0;  // local; tracked from its next exec on
  std::uint64_t cgroup = 0;       // the id of a cgroup whose processes are tracked
  std::uint32_t cgroup_subsys = ANONVMA_CGROUP_V2;  // the hierarchy that cgroups are told of
  std::uint64_t ring_bytes = 32u << 20;
  std::uint64_t spill_bytes = 256u << 20;  // at most, of records that wait to be converted
};

}  // namespace anonvma
