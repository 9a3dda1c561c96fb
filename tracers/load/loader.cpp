#include "tracers/load/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "tracers/kernel/btf.h"
#include "tracers/kernel/capability.h"
#include "tracers/kernel/features.h"
#include "tracers/load/drain.h"
#include "tracers/load/fault_events.h"
#include "tracers/load/losses.h"
#include "tracers/load/programs.h"
#include "tracers/load/read_walk.h"
#include "tracers/load/settings.h"
#include "tracers/load/sites.h"

namespace anonvma {

struct Loader::State {
  ~State() {
    drain.reset();
    ring_buffer__free(ring);
    ring_buffer__free(walk_ring);
  }
  static int keep_walked(void* context, void* data, std::size_t size);
  static int give_record(void* context, void* data, std::size_t size);

  std::unique_ptr<Programs> programs;
  ring_buffer* ring = nullptr;
  FaultEvents fault_events;  // where there are no tracepoints
  OnRecord on_record;
  Drain* pass = nullptr;       // whose pass is emptying the ring
  std::optional<Drain> drain;  // of the ring
  bool truth = false;
  bool faults = false;
  bool touches = false;
  Tier tier = Tier::unsupported;
  bool locks = true;
  ring_buffer* walk_ring = nullptr;  // of kernels without iter/task_vma
  std::vector<std::byte> walked;     // records of walk_ring
  bool vma_free_rcu = false;
  std::optional<Losses> losses;
};

namespace {

// libbpf writes the cause of a failed load into a long log, through one callback for the whole
// process. So this is the one mutable global: the first warning that is worth showing.
thread_local std::string g_libbpf_line;

int keep_libbpf_line(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  std::array<char, 512> text;
  std::vsnprintf(text.data(), text.size(), format, arguments);
  std::string_view line = text.data();
  // After the cause, libbpf prints "failed to load" and a misleading hint about memlock.
  if (line.find("RLIMIT_MEMLOCK") != std::string_view::npos) return 0;
  line = line.substr(0, line.find('\n'));
  if (g_libbpf_line.empty()) g_libbpf_line = line;
  return 0;
}

Error refused(std::string_view step, int error, std::uint64_t ring_bytes) {
  if (error == ENOMEM)
    return {ErrorCode::not_supported,
            fmt::format("no memory for the BPF programs and their ring buffer of {} MiB: record "
                        "with a smaller --ring-mib, or raise the memory limit of the recorder's "
                        "cgroup",
                        ring_bytes >> 20)};
  if (is_locked_down()) return {ErrorCode::not_supported, std::string(kLockedDown)};
  std::string reason = g_libbpf_line.empty() ? std::string(strerror(error)) : g_libbpf_line;
  return {ErrorCode::not_supported,
          fmt::format("the kernel refuses to {} the BPF programs ({}): run "
                      "\"anonvma doctor\"",
                      step, reason)};
}

bool asked_for(const char* variable, std::string_view word) {
  const char* const value = std::getenv(variable);
  return value != nullptr && std::string_view(value).find(word) != std::string_view::npos;
}

// Tests run the code for older kernels on newer ones with ANONVMA_WITHOUT=mm_lock_seq, and the code
// for newer kernels on older ones with ANONVMA_WITH=preemptible_programs.
void pretend(Features& features) {
  const auto set = [&](Feature feature, bool value) {
    features.has[static_cast<std::size_t>(feature)] = value;
  };
  if (asked_for("ANONVMA_WITHOUT", "mm_lock_seq")) set(Feature::mm_lock_seq, false);
  if (asked_for("ANONVMA_WITH", "preemptible_programs")) set(Feature::preemptible_programs, true);
}

// The first missing feature that nothing replaces. Hooks may not sleep: with a lock that does, a recording
// made a guest with 5.10-rt stop with "scheduling while atomic".
Status all_needed(const Features& features) {
  if (features[Feature::ring_lock_sleeps])
    return Error{ErrorCode::not_supported, std::string(kRingLockSleeps)};
  for (const FeatureRow& row : feature_rows())
    if (!features[row.id] && row.tier_without == Tier::unsupported)
      return Error{ErrorCode::not_supported,
                   fmt::format("this kernel has no {} ({}): run \"anonvma doctor\"", title_of(row),
                               row.without)};
  return ok();
}

// True if a hook that runs after a free can still read the freed object. Several tries are needed,
// as another cpu may have reused the memory.
bool reads_freed(const SharedVariables& shared) {
  __atomic_store_n(shared.testing, *shared.recorder, __ATOMIC_SEQ_CST);
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < 8; ++i) {
    void* const at = mmap(nullptr, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED) munmap(at, page);
  }
  __atomic_store_n(shared.testing, 0, __ATOMIC_SEQ_CST);
  return 2 * *shared.wiped <= *shared.tested;
}

}  // namespace

int Loader::State::keep_walked(void* context, void* data, std::size_t size) {
  const auto* const bytes = static_cast<const std::byte*>(data);
  auto& walked = static_cast<State*>(context)->walked;
  walked.insert(walked.end(), bytes, bytes + size);
  return 0;
}

// An error ends the pass after this record, which counts as consumed.
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
  pretend(features);
  if (const Status needed = all_needed(features); !needed) return needed.error();

  auto state = std::make_unique<State>();
  const bool listed = object_for(features) == BpfObject::listed;
  const ProgramsPlan plan{options, features, find_sites(listed),
                          asked_for("ANONVMA_WITH", "skips")};
  state->truth = options.truth;
  state->on_record = std::move(on_record);
  state->programs = Programs::open(plan);
  if (!state->programs) return refused("open", errno, options.ring_bytes);
  Programs& programs = *state->programs;
  state->locks = anonvma::sees_locks(features);
  state->touches = plan.sites.shows_touches;
  state->vma_free_rcu = features[Feature::vma_freed_by_rcu];
  const ProgramCopies::Refusal refusal = programs.start();
  if (refusal.error != 0) return refused(refusal.step, refusal.error, options.ring_bytes);
  if (listed && !reads_freed(programs.shared()))
    return Error{ErrorCode::not_supported,
                 "this kernel overwrites what it frees before a hook can read it: boot it without "
                 "init_on_free=1 (CONFIG_INIT_ON_FREE_DEFAULT_ON) and without slub_debug"};
  state->faults = has_fault_tracepoints(features) ||
                  (has_fault_event(features) && state->fault_events.attach(programs));
  const bool all_writes = state->faults && options.faults != ANONVMA_FAULTS_FIRST;
  state->tier = accuracy_tier(features, {.sees_touches = state->touches,
                                         .attaches = options.target_tgid == 0,
                                         .all_writes = all_writes});
  state->ring =
      ring_buffer__new(programs.map_fd("anonvma_ring"), State::give_record, state.get(), nullptr);
  if (!state->ring) return refused("read from", errno, options.ring_bytes);
  if (!features[Feature::task_vma_walk]) {
    state->walk_ring = ring_buffer__new(programs.map_fd("anonvma_walk_ring"), State::keep_walked,
                                        state.get(), nullptr);
    if (!state->walk_ring) return refused("read from", errno, options.ring_bytes);
  }
  state->losses.emplace(programs);
  const auto consume = [state = state.get()](Drain& pass) {
    state->pass = &pass;
    const int n = ring_buffer__consume(state->ring);
    return n == -ECANCELED ? 0 : n;
  };
  state->drain.emplace(consume, options.spill_bytes);
  return Loader(std::move(state));
}

void Loader::start() {
  state_->fault_events.follow();
  __atomic_store_n(state_->programs->shared().sending, 1, __ATOMIC_SEQ_CST);
  if (!state_->truth) return;
  // The slab hooks learn the cache of vmas from the first allocated vma: this mapping, which merges
  // with nothing. They need the cache to recognise frees outside the listed functions.
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const first = mmap(nullptr, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (first != MAP_FAILED) munmap(first, page);
}
void Loader::stop() { __atomic_store_n(state_->programs->shared().sending, 0, __ATOMIC_SEQ_CST); }

Result<bool> Loader::drain() {
  const int settled = state_->drain->settle();
  if (settled < 0)
    return Error{ErrorCode::io, fmt::format("cannot read the ring: {}", strerror(-settled))};
  state_->drain->give(kMostPerDrain, state_->on_record);
  return settled > 0 && state_->drain->empty();
}

std::uint64_t Loader::spilled_bytes() const { return state_->drain->peak_bytes(); }
std::uint64_t Loader::unread() const {
  return __atomic_load_n(state_->programs->shared().unread, __ATOMIC_RELAXED);
}

Result<std::vector<std::byte>> Loader::walk(std::uint32_t tgid, std::uint64_t walk_id,
                                            anonvma_walk_purpose purpose) {
  const SharedVariables& shared = state_->programs->shared();
  *shared.walk_purpose = purpose;
  __atomic_store_n(shared.walk_id, walk_id, __ATOMIC_SEQ_CST);
  const Programs& programs = *state_->programs;
  if (!state_->walk_ring) return read_walk(programs.program_fd("anonvma_walk"), tgid);
  // This iterator visits all tasks and skips all but `walk_only`. It writes a mark after each task
  // whose vmas it has put into the walk ring.
  *shared.walk_only = tgid;
  state_->walked.clear();
  const Result<std::vector<std::byte>> marks =
      read_walk(programs.program_fd("anonvma_walk_tasks"), 0,
                [this] { ring_buffer__consume(state_->walk_ring); });
  if (!marks) return marks.error();
  return std::exchange(state_->walked, {});
}

std::uint64_t Loader::losses() const { return state_->losses->generation(); }

bool Loader::lives(std::uint64_t address) const {
  std::uint8_t one = 0;
  return bpf_map_lookup_elem(state_->programs->map_fd("anonvma_tracked"), &address, &one) == 0;
}

std::optional<std::vector<std::uint64_t>> Loader::alive() const {
  const int map = state_->programs->map_fd("anonvma_tracked");
  std::set<std::uint64_t> found;
  std::uint64_t key = 0, next = 0;
  // If the last key has been deleted, the kernel starts again at the first key.
  std::size_t steps = 16 * std::size_t{state_->programs->max_entries("anonvma_tracked")};
  for (bool more = bpf_map_get_next_key(map, nullptr, &next) == 0; more && steps > 0; --steps) {
    found.insert(key = next);
    more = bpf_map_get_next_key(map, &key, &next) == 0;
  }
  if (steps == 0 || __atomic_load_n(state_->programs->shared().untracked, __ATOMIC_RELAXED))
    return std::nullopt;
  return std::vector<std::uint64_t>(found.begin(), found.end());
}

void Loader::read_again(std::uint64_t address) const {
  const std::uint32_t nobody = 0;
  const int map = state_->programs->map_fd("anonvma_dirty");
  if (bpf_map_update_elem(map, &address, &nobody, BPF_NOEXIST) == 0)
    __atomic_fetch_add(state_->programs->shared().pending, 1, __ATOMIC_SEQ_CST);
}

void Loader::wait_for_vmas() const {
  if (state_->vma_free_rcu) syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

// Cpus are attached after the counters were read: what is lost before that is read again after it.
std::vector<LostCount> Loader::take_lost() {
  std::vector<LostCount> lost = state_->losses->take();
  state_->fault_events.follow();
  return lost;
}

bool Loader::has_copies() const { return state_->programs->has_copies(); }
Misses Loader::recursion_misses() { return state_->programs->misses(); }

std::uint64_t Loader::pinned_bytes() const {
  std::uint64_t sum = 0;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, state_->programs->object()) {
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
