// The perf software event of page faults on each cpu, for kernels without the tracepoints.
#pragma once

#include <vector>

struct bpf_link;
struct bpf_program;

namespace anonvma {

class FaultEvents {
 public:
  FaultEvents() = default;
  FaultEvents(const FaultEvents&) = delete;
  FaultEvents& operator=(const FaultEvents&) = delete;
  ~FaultEvents() { detach(); }

  // Attaches on all cpus or on none: a part of the faults would pass for all of them.
  bool attach(const bpf_program* program);

 private:
  void detach();

  std::vector<bpf_link*> links_;
};

}  // namespace anonvma
