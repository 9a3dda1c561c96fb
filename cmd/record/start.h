// The beginning of a recording, in two steps: what needs no programs in the kernel, so that a caller
// may still refuse, then the command's process and the attached recorder.
#pragma once

#include <memory>
#include <optional>

#include "cmd/record/options.h"
#include "engine/result.h"

#if ANONVMA_HAVE_RECORDER
#include "cmd/record/child.h"
#include "engine/trace/meta.h"
#include "tracers/kernel/cgroups.h"
#include "tracers/recorder.h"
#endif

namespace anonvma::cmd {

// The error of a build without a recorder.
Error cannot_record();

#if ANONVMA_HAVE_RECORDER

struct Prepared {
  CgroupScope cgroup;
  Behaviours behaviours;  // probed while nothing is recorded
};
// Fails without privilege, and if the cgroup is not found.
Result<Prepared> prepare(const RecordOptions& options);

struct Started {
  Meta meta;
  std::optional<Child> child;  // not released yet; none without a command
  std::unique_ptr<Recorder> recorder;
};
// Forks the command's process, and loads and attaches the programs.
Result<Started> start(const RecordOptions& options, const Prepared& prepared);

#endif

}  // namespace anonvma::cmd
