// The perf software event of page faults on each cpu, for kernels without the tracepoints.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

struct bpf_link;

namespace anonvma {

class Programs;

class FaultEvents {
 public:
  FaultEvents() = default;
  FaultEvents(const FaultEvents&) = delete;
  FaultEvents& operator=(const FaultEvents&) = delete;
  ~FaultEvents() { detach(); }

  // Attaches on all online cpus or on none: a part of the faults would pass for all of them.
  bool attach(const Programs& programs);
  // Attaches on cpus that have come online since. The programs count the tasks that ran there before.
  void follow();

 private:
  bool attach_hooks();
  bool cover(std::uint32_t cpu);
  void detach();

  const Programs* programs_ = nullptr;         // nullptr: not attached
  std::vector<bpf_link*> hooks_;               // of bpf/hotplug.bpf.h
  std::map<std::uint32_t, bpf_link*> events_;  // by cpu
  std::uint32_t changes_ = 0;                  // when the cpus were last looked at
};

}  // namespace anonvma
