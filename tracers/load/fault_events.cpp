#include "tracers/load/fault_events.h"

#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tracers/kernel/cpus.h"
#include "tracers/load/programs.h"

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

bool FaultEvents::attach_hooks() {
  for (const char* const name : {"anonvma_cpu_step", "anonvma_switch"}) {
    bpf_link* const link = bpf_program__attach(programs_->program(name));
    if (!link) return false;
    hooks_.push_back(link);
  }
  return true;
}

// False if the kernel refuses the event of a cpu that is online.
bool FaultEvents::cover(std::uint32_t cpu) {
  const SharedVariables& shared = programs_->shared();
  const std::uint32_t ends = __atomic_load_n(&shared.cpu_ends[cpu], __ATOMIC_SEQ_CST);
  bpf_link*& link = events_[cpu];
  if (link && shared.cpu_covered[cpu] == ends + 1) return true;
  bpf_link__destroy(link);  // of an event that has ended
  link = nullptr;
  const int fd = open_fault_event(static_cast<int>(cpu));
  if (fd < 0) return errno == ENODEV;  // offline
  link = bpf_program__attach_perf_event(programs_->program("anonvma_page_fault_event"), fd);
  if (!link) {
    close(fd);
    return false;
  }
  __atomic_store_n(&shared.cpu_covered[cpu], ends + 1, __ATOMIC_SEQ_CST);
  return true;
}

bool FaultEvents::attach(const Programs& programs) {
  programs_ = &programs;
  bool good = attach_hooks();
  for (const std::uint32_t cpu : possible_cpus()) good = good && cover(cpu);
  if (!good) detach();
  return good;
}

// A cpu that is refused stays uncovered, and the programs go on counting.
void FaultEvents::follow() {
  if (!programs_) return;
  const std::uint32_t changes = __atomic_load_n(programs_->shared().cpu_changes, __ATOMIC_SEQ_CST);
  if (changes == changes_) return;
  changes_ = changes;
  for (const auto& [cpu, link] : events_) cover(cpu);
}

void FaultEvents::detach() {
  for (bpf_link* const link : hooks_) bpf_link__destroy(link);
  for (const auto& [cpu, link] : events_) bpf_link__destroy(link);
  hooks_.clear();
  events_.clear();
  programs_ = nullptr;
}

}  // namespace anonvma
