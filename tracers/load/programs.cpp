#include "tracers/load/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>

#include "tracers/kernel/machine.h"
#include "tracers/load/syscalls.h"
// The skeletons need tracers/records.h.
#include "anonvma.skel.h"
#include "anonvma_5_10.skel.h"
#include "anonvma_preemptible.skel.h"

namespace anonvma {
namespace {

template <std::size_t N>
std::uint32_t copy_sites(const std::vector<anonvma_site>& sites, anonvma_site (&to)[N]) {
  const std::size_t count = std::min(sites.size(), N);
  std::copy_n(sites.begin(), count, to);
  return static_cast<std::uint32_t>(count);
}

template <class Skeleton>
constexpr bool kIsListed = requires(Skeleton s) {
  s.maps.anonvma_task_table;
};
template <class Skeleton>
constexpr bool kHasCopies = requires(Skeleton s) {
  s.rodata->anonvma_copy;
};

void enter(std::span<const TracedSyscall> calls, __u8 (&table)[ANONVMA_MAX_SYSCALL]) {
  for (const TracedSyscall& call : calls) table[call.number] = static_cast<__u8>(call.op);
}

// On kernels without a hook of the lock, further calls that change vmas have to be traced.
void trace_untraced(anonvma_5_10_bpf& skeleton) {
  enter(kUntracedSyscalls, skeleton.rodata->anonvma_syscalls);
  enter(kUntracedCompatSyscalls, skeleton.rodata->anonvma_compat_syscalls);
}

template <class Skeleton>
void configure_slab(Skeleton& skeleton, const ProgramsPlan& plan) {
  const bool truth = plan.options.truth;
  auto& settings = *skeleton.rodata;
  copy_sites(plan.sites.prepare, settings.anonvma_prepare);
  copy_sites(plan.sites.anon_vma_alloc, settings.anonvma_new_anon_vma);
  copy_sites(plan.sites.vma_alloc, settings.anonvma_vma_alloc);
  // Where vmas are a list, the slab hooks are needed for more than the truth lane.
  if (truth || kIsListed<Skeleton>)
    settings.anonvma_nr_sites = copy_sites(plan.sites.objects, settings.anonvma_sites);
  bpf_program__set_autoload(skeleton.progs.anonvma_free, truth || kIsListed<Skeleton>);
  if constexpr (!kIsListed<Skeleton>)
    bpf_program__set_autoload(skeleton.progs.anonvma_free_late,
                              truth && plan.features[Feature::vma_freed_by_rcu]);
}

// The bits that the machine adds to the protection of every call.
std::uint32_t machine_prot() {
#ifdef __aarch64__
  constexpr unsigned long kHwcap2Mte = 1ul << 18;
  const bool mte = (getauxval(AT_HWCAP2) & kHwcap2Mte) != 0;
  return ANONVMA_PROT_ARM64 | (mte ? ANONVMA_PROT_MTE_MACHINE : 0);
#else
  return 0;
#endif
}

template <class Skeleton>
void configure(Skeleton& skeleton, const ProgramsPlan& plan) {
  const LoaderOptions& options = plan.options;
  auto& settings = *skeleton.rodata;
  settings.anonvma_tracked_only = options.tracked_only;
  settings.anonvma_target_tgid = options.target_tgid;
  settings.anonvma_cgroup = options.cgroup;
  settings.anonvma_cgroup_subsys = options.cgroup_subsys;
  settings.anonvma_faults = options.faults;
  settings.anonvma_truth = options.truth;
  settings.anonvma_page_mask = ~(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) - 1);
  settings.anonvma_huge_page = huge_page_bytes();
  settings.anonvma_machine_prot = machine_prot();
  settings.anonvma_thp_area = plan.sites.thp_area;
  enter(kTracedSyscalls, settings.anonvma_syscalls);
  enter(kTracedCompatSyscalls, settings.anonvma_compat_syscalls);
  bpf_map__set_max_entries(skeleton.maps.anonvma_ring,
                           static_cast<std::uint32_t>(options.ring_bytes));
  bpf_program__set_autoattach(skeleton.progs.anonvma_walk, false);
  bpf_program__set_autoattach(skeleton.progs.anonvma_find_namespace, false);
  bpf_program__set_autoattach(skeleton.progs.anonvma_cpu_step, false);
  bpf_program__set_autoattach(skeleton.progs.anonvma_switch, false);
  configure_slab(skeleton, plan);
  fit(skeleton, plan.features);
  if constexpr (kIsListed<Skeleton>) {
    bpf_program__set_autoattach(skeleton.progs.anonvma_walk_tasks, false);
    if (!sees_locks(plan.features)) trace_untraced(skeleton);
  }
  if constexpr (kHasCopies<Skeleton>) settings.anonvma_skips = plan.skips;
}

template <class Skeleton>
SharedVariables shared_of(Skeleton& skeleton) {
  auto& bss = *skeleton.bss;
  SharedVariables shared;
  shared.sending = &bss.anonvma_sending;
  shared.losses = &bss.anonvma_losses;
  shared.unread = &bss.anonvma_unread;
  shared.pending = &bss.anonvma_pending;
  shared.untracked = &bss.anonvma_untracked;
  shared.walk_purpose = &bss.anonvma_walk_purpose;
  shared.walk_id = &bss.anonvma_walk_id;
  shared.recorder = &bss.anonvma_recorder;
  shared.cpu_ends = bss.anonvma_cpu_ends;
  shared.cpu_covered = bss.anonvma_cpu_covered;
  shared.cpu_changes = &bss.anonvma_cpu_changes;
  if constexpr (kIsListed<Skeleton>) {
    shared.walk_only = &bss.anonvma_walk_only;
    shared.testing = &bss.anonvma_testing;
    shared.tested = &bss.anonvma_tested;
    shared.wiped = &bss.anonvma_wiped;
  }
  return shared;
}

template <class Skeleton>
class ProgramsOf final : public Programs {
 public:
  explicit ProgramsOf(Skeleton& skeleton) : skeleton_(skeleton) { object_ = skeleton.obj; }
  ~ProgramsOf() override { Skeleton::destroy(&skeleton_); }

  ProgramCopies::Refusal start() override {
    if (const int error = Skeleton::load(&skeleton_)) return {"load", -error};
    shared_ = shared_of(skeleton_);
    if (const int error = find_namespace()) return {"run", -error};
    if (const int error = Skeleton::attach(&skeleton_)) return {"attach", -error};
    if constexpr (kHasCopies<Skeleton>) return copies_.add(skeleton_);
    return {};
  }

 private:
  // Runs a program that stores the pid namespace of its task, the recorder, for all programs.
  int find_namespace() const {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    return bpf_prog_test_run_opts(program_fd("anonvma_find_namespace"), &options);
  }

  Skeleton& skeleton_;
};

template <class Skeleton>
std::unique_ptr<Programs> opened(Skeleton* skeleton, const ProgramsPlan& plan) {
  if (!skeleton) return nullptr;
  configure(*skeleton, plan);
  return std::make_unique<ProgramsOf<Skeleton>>(*skeleton);
}

}  // namespace

std::unique_ptr<Programs> Programs::open(const ProgramsPlan& plan) {
  switch (object_for(plan.features)) {
    case BpfObject::listed:
      return opened(anonvma_5_10_bpf__open(), plan);
    case BpfObject::preemptible:
      return opened(anonvma_preemptible_bpf__open(), plan);
    case BpfObject::usual:
      break;
  }
  return opened(anonvma_bpf__open(), plan);
}

const bpf_program* Programs::program(const char* name) const {
  return bpf_object__find_program_by_name(object_, name);
}
int Programs::program_fd(const char* name) const { return bpf_program__fd(program(name)); }
int Programs::map_fd(const char* name) const {
  return bpf_object__find_map_fd_by_name(object_, name);
}
std::uint32_t Programs::max_entries(const char* map) const {
  return bpf_map__max_entries(bpf_object__find_map_by_name(object_, map));
}

}  // namespace anonvma
