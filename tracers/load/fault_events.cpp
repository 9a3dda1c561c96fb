#include "tracers/load/fault_events.h"

#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace anonvma {
namespace {

// An event that counts every page fault of one cpu; -1 if the kernel refuses it.
int open_fault_event(int cpu) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.sample_period = 1;
  attributes.sample_type = PERF_SAMPLE_ADDR;
  return static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

bool FaultEvents::attach(const bpf_program* program) {
  for (int cpu = 0; cpu < libbpf_num_possible_cpus(); ++cpu) {
    const int fd = open_fault_event(cpu);
    if (fd < 0 && errno == ENODEV) continue;  // no such cpu, or offline
    bpf_link* const link = fd < 0 ? nullptr : bpf_program__attach_perf_event(program, fd);
    if (!link) {
      if (fd >= 0) close(fd);
      detach();
      return false;
    }
    links_.push_back(link);
  }
  return true;
}

void FaultEvents::detach() {
  for (bpf_link* const link : links_) bpf_link__destroy(link);
  links_.clear();
}

}  // namespace anonvma
