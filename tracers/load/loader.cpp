#include "tracers/load/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/membarrier.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "anonvma.skel.h"
#include "tracers/kernel/btf.h"
#include "tracers/kernel/capability.h"
#include "tracers/kernel/features.h"
#include "tracers/kernel/kallsyms.h"
#include "tracers/load/drain.h"
#include "tracers/load/program_copies.h"
#include "tracers/load/read_walk.h"
#include "tracers/load/settings.h"
#include "tracers/load/syscalls.h"

namespace anonvma {

struct Loader::State {
  ~State() {
    for (bpf_link* const event : events) bpf_link__destroy(event);
    drain.reset();
    ring_buffer__free(ring);
    ring_buffer__free(walk_ring);
    anonvma_bpf__destroy(skeleton);
  }
  static int keep_walked(void* context, void* data, std::size_t size);
  static int give_record(void* context, void* data, std::size_t size);

  anonvma_bpf* skeleton = nullptr;
  ProgramCopies copies;  // of its programs
  ring_buffer* ring = nullptr;
  std::vector<bpf_link*> events;  // of page faults, by cpu, where there are no tracepoints
  OnRecord on_record;
  Drain* pass = nullptr;       // that empties the ring at this moment
  std::optional<Drain> drain;  // of the ring
  bool truth = false;
  bool faults = false;
  bool touches = false;
  Tier tier = Tier::unsupported;
  bool locks = true;
  ring_buffer* walk_ring = nullptr;  // of kernels without iter/task_vma
  std::vector<std::byte> walked;     // what came through it
  bool vma_free_rcu = false;
  std::uint32_t cpus = 1;
  std::vector<std::array<std::uint64_t, ANONVMA_KINDS>> lost_before;
  struct Loss {
    std::uint64_t count = 0;
    std::chrono::steady_clock::time_point since;
  };
  std::map<std::array<std::uint64_t, 2>, Loss> lost_of;  // by mm, kind and cpu
  std::uint64_t losses_seen = 0;
};

namespace {

struct TruthFunction {
  std::string_view name;
  anonvma_truth_site site;
};
constexpr TruthFunction kTruthFunctions[] = {
    {"vm_area_alloc", ANONVMA_SITE_VMA_ALLOC},      {"vm_area_dup", ANONVMA_SITE_VMA_DUP},
    {"vm_area_free", ANONVMA_SITE_VMA_FREE},        {"__vm_area_free", ANONVMA_SITE_VMA_FREE},
    {"vm_area_free_rcu_cb", ANONVMA_SITE_VMA_FREE}, {"__anon_vma_prepare", ANONVMA_SITE_PREPARE},
    {"anon_vma_clone", ANONVMA_SITE_CLONE},         {"anon_vma_fork", ANONVMA_SITE_FORK},
    {"unlink_anon_vmas", ANONVMA_SITE_UNLINK},      {"__put_anon_vma", ANONVMA_SITE_PUT},
};
// vm_area_free() ends in a jump to kmem_cache_free(): the call site is its caller's. Where no cache
// is told they have to be known; a failed fork is not among them.
constexpr TruthFunction kFreeingFunctions[] = {
    {"remove_vma", ANONVMA_SITE_VMA_FREE},
    {"exit_mmap", ANONVMA_SITE_VMA_FREE},
    {"__do_munmap", ANONVMA_SITE_VMA_FREE},
    {"__vma_adjust", ANONVMA_SITE_VMA_FREE},
    {"__split_vma", ANONVMA_SITE_VMA_FREE},
    {"copy_vma", ANONVMA_SITE_VMA_FREE},
    {"mmap_region", ANONVMA_SITE_VMA_FREE},
    {"do_brk_flags", ANONVMA_SITE_VMA_FREE},
    {"move_vma", ANONVMA_SITE_VMA_FREE},
    {"__install_special_mapping", ANONVMA_SITE_VMA_FREE},
    {"setup_arg_pages", ANONVMA_SITE_VMA_FREE},
};
constexpr std::string_view kPrepare = "__anon_vma_prepare";
constexpr std::string_view kVmaAlloc = "vm_area_alloc";
constexpr std::string_view kThpArea = "thp_get_unmapped_area";

// libbpf says why a load failed in the middle of a long log. It has one print callback for the
// whole process, so this is the one mutable global: the last line worth showing.
thread_local std::string g_libbpf_line;

int keep_libbpf_line(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  std::array<char, 512> text;
  std::vsnprintf(text.data(), text.size(), format, arguments);
  std::string_view line = text.data();
  // A refused program gives "failed to load" and a misleading hint about memlock after the cause.
  if (line.find("RLIMIT_MEMLOCK") != std::string_view::npos) return 0;
  line = line.substr(0, line.find('\n'));
  if (g_libbpf_line.empty()) g_libbpf_line = line;
  return 0;
}

Error refused(std::string_view step, int error) {
  if (is_locked_down()) return {ErrorCode::not_supported, std::string(kLockedDown)};
  std::string reason = g_libbpf_line.empty() ? std::string(strerror(error)) : g_libbpf_line;
  return {ErrorCode::not_supported,
          fmt::format("the kernel refuses to {} the BPF programs ({}): run "
                      "\"anonvma doctor\"",
                      step, reason)};
}

void set_sites(anonvma_bpf& skeleton, const LoaderOptions& options, bool& touches) {
  const bool untold = skeleton.rodata->anonvma_cache_untold;
  std::vector<TruthFunction> functions(std::begin(kTruthFunctions), std::end(kTruthFunctions));
  if (untold)
    functions.insert(functions.end(), std::begin(kFreeingFunctions), std::end(kFreeingFunctions));
  std::vector<std::string_view> names{kThpArea};
  for (const TruthFunction& function : functions) names.push_back(function.name);
  std::uint32_t prepares = 0, allocs = 0, sites = 0;
  for (const SymbolRange& range : find_functions(names)) {
    if (range.size == 0) continue;
    if (range.function == kPrepare && prepares < ANONVMA_MAX_PARTS)
      skeleton.rodata->anonvma_prepare[prepares++] = {range.start, range.size, 0};
    if (range.function == kThpArea) {
      skeleton.rodata->anonvma_thp_area = range.start;
      continue;
    }
    if (range.function == kVmaAlloc && allocs < ANONVMA_MAX_PARTS)
      skeleton.rodata->anonvma_vma_alloc[allocs++] = {range.start, range.size, 0};
    const auto function =
        std::find_if(functions.begin(), functions.end(),
                     [&](const TruthFunction& f) { return f.name == range.function; });
    if ((options.truth || untold) && sites < ANONVMA_MAX_SITES)
      skeleton.rodata->anonvma_sites[sites++] = {range.start, range.size, function->site};
  }
  skeleton.rodata->anonvma_nr_sites = sites;
  touches = prepares > 0;
}

std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Tests run what older kernels need on newer ones: ANONVMA_WITHOUT=mm_lock_seq. And what newer ones
// need on older ones: ANONVMA_WITH=preemptible_programs, and there skips as if a
// task had been preempted.
void leave_out(Features& features) {
  const std::string_view names = environment("ANONVMA_WITHOUT");
  const auto leave = [&](std::string_view name, Feature feature) {
    if (names.find(name) != names.npos) features.has[static_cast<std::size_t>(feature)] = false;
  };
  leave("mm_lock_seq", Feature::mm_lock_seq);
  if (environment("ANONVMA_WITH").find("preemptible_programs") != std::string_view::npos)
    features.has[static_cast<std::size_t>(Feature::preemptible_programs)] = true;
}

void configure(anonvma_bpf& skeleton, const LoaderOptions& options) {
  auto& settings = *skeleton.rodata;
  settings.anonvma_tracked_only = options.tracked_only;
  settings.anonvma_target_tgid = options.target_tgid;
  settings.anonvma_faults = options.faults;
  settings.anonvma_truth = options.truth;
  settings.anonvma_page_mask = ~(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) - 1);
  settings.anonvma_prctl = SYS_prctl;
  for (const TracedSyscall& call : kTracedSyscalls)
    settings.anonvma_syscalls[call.number] = static_cast<std::uint8_t>(call.op);
  bpf_map__set_max_entries(skeleton.maps.anonvma_ring,
                           static_cast<std::uint32_t>(options.ring_bytes));
  bpf_program__set_autoload(skeleton.progs.anonvma_free, options.truth);
  bpf_program__set_autoattach(skeleton.progs.anonvma_walk, false);
  bpf_program__set_autoattach(skeleton.progs.anonvma_walk_tasks, false);
  bpf_program__set_autoattach(skeleton.progs.anonvma_find_namespace, false);
}

// Tells the programs whose numbers the recorder uses: the program looks at who runs it.
int find_namespace(const anonvma_bpf& skeleton) {
  LIBBPF_OPTS(bpf_test_run_opts, options);
  return bpf_prog_test_run_opts(bpf_program__fd(skeleton.progs.anonvma_find_namespace), &options);
}

void trace_untraced(anonvma_bpf& skeleton) {
  auto& settings = *skeleton.rodata;
  for (const long number : kUntracedWriters) settings.anonvma_syscalls[number] = ANONVMA_OP_OTHER;
  for (const long number : kDropsDescriptor) settings.anonvma_syscalls[number] = ANONVMA_OP_DROP;
  settings.anonvma_mbind = SYS_mbind;
  settings.anonvma_ioctl = SYS_ioctl;
}

// The first thing that nothing replaces.
Status all_needed(const Features& features) {
  for (const FeatureRow& row : feature_rows())
    if (!features[row.id] && row.tier_without == Tier::unsupported)
      return Error{ErrorCode::not_supported,
                   fmt::format("this kernel has no {} ({}): run \"anonvma doctor\"", title_of(row),
                               row.without)};
  return ok();
}

// Counts every page fault of one cpu; -1 where that is refused.
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

// All of them or none: half of the faults would look like all.
bool attach_fault_events(const bpf_program* program, std::vector<bpf_link*>& events) {
  for (int cpu = 0; cpu < libbpf_num_possible_cpus(); ++cpu) {
    const int fd = open_fault_event(cpu);
    if (fd < 0 && errno == ENODEV) continue;  // not there, or offline
    bpf_link* const link = fd < 0 ? nullptr : bpf_program__attach_perf_event(program, fd);
    if (!link) {
      if (fd >= 0) close(fd);
      for (bpf_link* const event : events) bpf_link__destroy(event);
      events.clear();
      return false;
    }
    events.push_back(link);
  }
  return true;
}

// Where the hook comes behind the free: can it still read what was freed? A few times, as another
// cpu may be using it anew.
bool reads_freed(anonvma_bpf& skeleton) {
  auto& shared = *skeleton.bss;
  __atomic_store_n(&shared.anonvma_testing, shared.anonvma_recorder, __ATOMIC_SEQ_CST);
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < 8; ++i) {
    void* const at = mmap(nullptr, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED) munmap(at, page);
  }
  __atomic_store_n(&shared.anonvma_testing, 0, __ATOMIC_SEQ_CST);
  return 2 * shared.anonvma_wiped <= shared.anonvma_tested;
}

constexpr std::size_t kMostLosses = 4096;  // half of what the map holds

}  // namespace

int Loader::State::keep_walked(void* context, void* data, std::size_t size) {
  const auto* const bytes = static_cast<const std::byte*>(data);
  auto& walked = static_cast<State*>(context)->walked;
  walked.insert(walked.end(), bytes, bytes + size);
  return 0;
}

// An error ends the pass behind this record, which counts as taken.
int Loader::State::give_record(void* context, void* data, std::size_t size) {
  return static_cast<State*>(context)->pass->take({static_cast<const std::byte*>(data), size})
             ? 0
             : -ECANCELED;
}

Loader::Loader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;
Loader::~Loader() = default;

Result<Loader> Loader::open(const LoaderOptions& options, OnRecord on_record) {
  libbpf_set_print(keep_libbpf_line);
  g_libbpf_line.clear();
  Result<KernelBtf> btf = KernelBtf::load();
  if (!btf) return btf.error();
  Features features = find_features(*btf);
  leave_out(features);
  if (const Status needed = all_needed(features); !needed) return needed.error();

  auto state = std::make_unique<State>();
  state->truth = options.truth;
  state->on_record = std::move(on_record);
  state->skeleton = anonvma_bpf__open();
  if (!state->skeleton) return refused("open", errno);
  anonvma_bpf& skeleton = *state->skeleton;
  configure(skeleton, options);
  fit(skeleton, features);
  skeleton.rodata->anonvma_skips =
      environment("ANONVMA_WITH").find("skips") != std::string_view::npos;
  if (skeleton.rodata->anonvma_lock_unseen) trace_untraced(skeleton);
  state->locks = anonvma::sees_locks(features);
  set_sites(skeleton, options, state->touches);
  state->vma_free_rcu = features[Feature::vma_freed_by_rcu];
  bpf_program__set_autoload(skeleton.progs.anonvma_free_late, options.truth && state->vma_free_rcu);
  if (const int error = anonvma_bpf__load(&skeleton)) return refused("load", -error);
  if (const int error = find_namespace(skeleton)) return refused("run", -error);
  if (const int error = anonvma_bpf__attach(&skeleton)) return refused("attach", -error);
  const ProgramCopies::Refusal copied =
      state->copies.add(skeleton, is_preemptible(features) ? ANONVMA_COPIES : 1);
  if (copied.error != 0) return refused(copied.step, copied.error);
  if (skeleton.rodata->anonvma_cache_untold && !reads_freed(skeleton))
    return Error{ErrorCode::not_supported,
                 "this kernel overwrites what it frees before a hook can read it: boot it without "
                 "init_on_free=1 (CONFIG_INIT_ON_FREE_DEFAULT_ON) and without slub_debug"};
  state->faults = has_fault_tracepoints(features) ||
                  (has_fault_event(features) &&
                   attach_fault_events(skeleton.progs.anonvma_page_fault_event, state->events));
  const bool all_writes = state->faults && options.faults != ANONVMA_FAULTS_FIRST;
  state->tier = accuracy_tier(features, {.sees_touches = state->touches,
                                         .attaches = options.target_tgid == 0,
                                         .all_writes = all_writes});
  state->ring = ring_buffer__new(bpf_map__fd(skeleton.maps.anonvma_ring), State::give_record,
                                 state.get(), nullptr);
  if (!state->ring) return refused("read from", errno);
  if (!features[Feature::task_vma_walk]) {
    state->walk_ring = ring_buffer__new(bpf_map__fd(skeleton.maps.anonvma_walk_ring),
                                        State::keep_walked, state.get(), nullptr);
    if (!state->walk_ring) return refused("read from", errno);
  }
  state->cpus = std::min<std::uint32_t>(static_cast<std::uint32_t>(libbpf_num_possible_cpus()),
                                        ANONVMA_MAX_CPUS);
  state->lost_before.resize(state->cpus);
  const auto consume = [state = state.get()](Drain& pass) {
    state->pass = &pass;
    const int n = ring_buffer__consume(state->ring);
    return n == -ECANCELED ? 0 : n;
  };
  state->drain.emplace(consume, options.spill_bytes);
  return Loader(std::move(state));
}

void Loader::start() {
  __atomic_store_n(&state_->skeleton->bss->anonvma_sending, 1, __ATOMIC_SEQ_CST);
  if (!state_->truth) return;
  // The slab hooks learn the cache of vmas from the first one they see allocated: a mapping that
  // merges with nothing. Frees from places that are not listed are told by the cache.
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const first = mmap(nullptr, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (first != MAP_FAILED) munmap(first, page);
}
void Loader::stop() {
  __atomic_store_n(&state_->skeleton->bss->anonvma_sending, 0, __ATOMIC_SEQ_CST);
}

Result<bool> Loader::drain() {
  const int settled = state_->drain->settle();
  if (settled < 0)
    return Error{ErrorCode::io, fmt::format("cannot read the ring: {}", strerror(-settled))};
  state_->drain->give(kMostPerDrain, state_->on_record);
  return settled > 0 && state_->drain->empty();
}

std::uint64_t Loader::spilled_bytes() const { return state_->drain->peak_bytes(); }
std::uint64_t Loader::unread() const {
  return __atomic_load_n(&state_->skeleton->bss->anonvma_unread, __ATOMIC_RELAXED);
}

Result<std::vector<std::byte>> Loader::walk(std::uint32_t tgid, std::uint64_t walk_id, bool track) {
  auto& shared = *state_->skeleton->bss;
  shared.anonvma_walk_tracks = track;
  __atomic_store_n(&shared.anonvma_walk_id, walk_id, __ATOMIC_SEQ_CST);
  const auto& programs = state_->skeleton->progs;
  if (!state_->walk_ring) return read_walk(bpf_program__fd(programs.anonvma_walk), tgid);
  // It has no choice of task, and writes a mark behind each: what it saw of that one is in the
  // ring.
  shared.anonvma_walk_only = tgid;
  state_->walked.clear();
  const Result<std::vector<std::byte>> marks =
      read_walk(bpf_program__fd(programs.anonvma_walk_tasks), 0,
                [this] { ring_buffer__consume(state_->walk_ring); });
  if (!marks) return marks.error();
  return std::exchange(state_->walked, {});
}

std::uint64_t Loader::losses() const {
  return __atomic_load_n(&state_->skeleton->bss->anonvma_losses, __ATOMIC_ACQUIRE);
}

bool Loader::lives(std::uint64_t address) const {
  std::uint8_t one = 0;
  return bpf_map_lookup_elem(bpf_map__fd(state_->skeleton->maps.anonvma_tracked), &address, &one) ==
         0;
}

std::optional<std::vector<std::uint64_t>> Loader::alive() const {
  const int map = bpf_map__fd(state_->skeleton->maps.anonvma_tracked);
  std::set<std::uint64_t> found;
  std::uint64_t key = 0, next = 0;
  // Where the last key has gone meanwhile it begins anew.
  std::size_t steps =
      16 * std::size_t{bpf_map__max_entries(state_->skeleton->maps.anonvma_tracked)};
  for (bool more = bpf_map_get_next_key(map, nullptr, &next) == 0; more && steps > 0; --steps) {
    found.insert(key = next);
    more = bpf_map_get_next_key(map, &key, &next) == 0;
  }
  if (steps == 0 || __atomic_load_n(&state_->skeleton->bss->anonvma_untracked, __ATOMIC_RELAXED))
    return std::nullopt;
  return std::vector<std::uint64_t>(found.begin(), found.end());
}

void Loader::read_again(std::uint64_t address) const {
  const std::uint32_t nobody = 0;
  const int map = bpf_map__fd(state_->skeleton->maps.anonvma_dirty);
  if (bpf_map_update_elem(map, &address, &nobody, BPF_NOEXIST) == 0)
    __atomic_fetch_add(&state_->skeleton->bss->anonvma_pending, 1, __ATOMIC_SEQ_CST);
}

void Loader::wait_for_vmas() const {
  if (state_->vma_free_rcu) syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

std::vector<LostCount> Loader::take_lost() {
  const std::uint64_t losses = this->losses();
  if (losses == state_->losses_seen) return {};
  state_->losses_seen = losses;
  std::vector<LostCount> grown;
  for (std::uint32_t cpu = 0; cpu < state_->cpus; ++cpu) {
    for (std::uint32_t kind = 0; kind < ANONVMA_KINDS; ++kind) {
      const std::uint64_t now =
          __atomic_load_n(&state_->skeleton->bss->anonvma_lost[cpu][kind], __ATOMIC_RELAXED);
      std::uint64_t& before = state_->lost_before[cpu][kind];
      if (now != before) grown.push_back({kind, cpu, now - before, 0, true});
      before = now;
    }
  }
  take_lost_of(grown);
  return grown;
}

// By mm. What has not grown for a while is removed once there is much of it: by then no program
// holds the counter any more.
void Loader::take_lost_of(std::vector<LostCount>& grown) {
  constexpr std::uint64_t kCount = ANONVMA_LOSS_CONCERNS - 1;
  const int map = bpf_map__fd(state_->skeleton->maps.anonvma_lost_of);
  const auto now = std::chrono::steady_clock::now();
  anonvma_loss key{}, next{};
  std::vector<anonvma_loss> keys;
  for (bool more = bpf_map_get_next_key(map, nullptr, &next) == 0; more;
       more = bpf_map_get_next_key(map, &key, &next) == 0)
    keys.push_back(key = next);
  for (const anonvma_loss& of : keys) {
    std::uint64_t count = 0;
    if (bpf_map_lookup_elem(map, &of, &count) != 0) continue;
    State::Loss& loss = state_->lost_of[{of.mm, std::uint64_t{of.kind} << 32 | of.cpu}];
    if (count != loss.count) {
      grown.push_back({of.kind, of.cpu, (count & kCount) - (loss.count & kCount), of.mm, false});
      loss = {count, now};
    } else if (keys.size() > kMostLosses && now - loss.since > std::chrono::seconds(1)) {
      std::uint64_t last = 0;  // it may have grown after all
      if (bpf_map_lookup_and_delete_elem(map, &of, &last) != 0) continue;
      if (last != count) grown.push_back({of.kind, of.cpu, (last - count) & kCount, of.mm, false});
      state_->lost_of.erase({of.mm, std::uint64_t{of.kind} << 32 | of.cpu});
    }
  }
}

bool Loader::has_copies() const { return state_->copies.any(); }
Misses Loader::recursion_misses() { return state_->copies.misses(*state_->skeleton); }

std::uint64_t Loader::pinned_bytes() const {
  std::uint64_t sum = 0;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, state_->skeleton->obj) {
    std::ifstream info(fmt::format("/proc/self/fdinfo/{}", bpf_map__fd(map)));
    std::string key;
    std::uint64_t value = 0;
    for (std::string line; std::getline(info, line);)
      if (std::istringstream words(line); words >> key >> value && key == "memlock:") sum += value;
  }
  return sum;
}

bool Loader::sees_faults() const { return state_->faults; }
bool Loader::sees_touches() const { return state_->touches; }
bool Loader::sees_locks() const { return state_->locks; }
Tier Loader::tier() const { return state_->tier; }

}  // namespace anonvma
