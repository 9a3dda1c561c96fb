// One of the BPF objects, opened, loaded and attached. The loader does not know which one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "tracers/kernel/features.h"
#include "tracers/load/options.h"
#include "tracers/load/program_copies.h"
#include "tracers/load/settings.h"
#include "tracers/load/sites.h"
#include "tracers/records.h"

struct bpf_object;
struct bpf_program;

namespace anonvma {

// Variables that the programs and the loader share while the programs run.
struct SharedVariables {
  __u32* sending = nullptr;
  __u64* losses = nullptr;
  __u64* unread = nullptr;
  __u32* pending = nullptr;
  bool* untracked = nullptr;
  __u32* walk_purpose = nullptr;
  __u64* walk_id = nullptr;
  __u32* recorder = nullptr;
  // See bpf/hotplug.bpf.h; by cpu.
  __u32 *cpu_ends = nullptr, *cpu_covered = nullptr;
  __u32* cpu_changes = nullptr;
  // Only where vmas are a list.
  __u32* walk_only = nullptr;
  __u32 *testing = nullptr, *tested = nullptr, *wiped = nullptr;
};

struct ProgramsPlan {
  LoaderOptions options;
  Features features;
  Sites sites;
  bool skips = false;  // for tests: copies skip events as if a task had been preempted
};

class Programs {
 public:
  // nullptr: errno says why.
  static std::unique_ptr<Programs> open(const ProgramsPlan& plan);
  Programs() = default;
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;
  virtual ~Programs() = default;  // detaches

  // Loads and attaches the object, and its copies, if any. Returns the step that the kernel
  // refused, and why.
  virtual ProgramCopies::Refusal start() = 0;
  bool has_copies() const { return copies_.any(); }
  Misses misses() { return copies_.misses(object_); }

  const bpf_object* object() const { return object_; }
  const bpf_program* program(const char* name) const;
  int program_fd(const char* name) const;
  int map_fd(const char* name) const;
  std::uint32_t max_entries(const char* map) const;
  const SharedVariables& shared() const { return shared_; }

 protected:
  bpf_object* object_ = nullptr;
  SharedVariables shared_;  // from start() on
  ProgramCopies copies_;
};

}  // namespace anonvma
