// The software event of page faults, on each cpu: it takes the place of the tracepoints.
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

  // On all cpus or on none: half of the faults would look like all.
  bool attach(const bpf_program* program);

 private:
  void detach();

  std::vector<bpf_link*> links_;
};

}  // namespace anonvma
