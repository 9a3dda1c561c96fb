// Loads and attaches the BPF programs, and reads their output: the ring, the loss counters, the
// walk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/result.h"
#include "tracers/kernel/features.h"
#include "tracers/load/options.h"
#include "tracers/load/skipped_runs.h"
#include "tracers/lost_count.h"
#include "tracers/records.h"

namespace anonvma {

class Loader {
 public:
  using OnRecord = std::function<void(std::span<const std::byte>)>;

  static Result<Loader> open(const LoaderOptions& options, OnRecord on_record);
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;
  ~Loader();  // detaches

  // Records are sent from start() to stop().
  void start();
  void stop();

  // Passes the records of the ring to on_record, in ring order. The limit is kMostPerDrain, so that
  // busy writers do not hold the caller for ever. True if no record is left.
  static constexpr std::size_t kMostPerDrain = 1u << 18;
  Result<bool> drain();
  // The bytes of one walk over a process (by its local tgid) or the whole system (0). The walk's
  // ring records carry `walk_id`.
  Result<std::vector<std::byte>> walk(std::uint32_t tgid, std::uint64_t walk_id,
                                      anonvma_walk_purpose purpose);
  // The losses since the last call.
  std::vector<LostCount> take_lost();
  std::uint64_t losses() const;  // the generation, to be compared with that of a gap record
  // The recorded mms that are alive, until the last step of exit_mmap(): more than a walk sees.
  // nullopt if not all of them are known.
  std::optional<std::vector<std::uint64_t>> alive() const;
  bool lives(std::uint64_t address) const;
  // Has the mm read by its next task that enters or leaves a system call or takes the mmap_lock.
  void read_again(std::uint64_t address) const;
  // On kernels that free vmas by RCU, waits for a grace period, so that vmas unmapped so far can be
  // freed.
  void wait_for_vmas() const;
  // Runs that the kernel has skipped since the load. Frequent calls make the number more exact.
  Misses recursion_misses();
  // True if programs are loaded more than once. Then runs that all copies skip between two calls of
  // recursion_misses() count as lost, so these calls have to be frequent.
  bool has_copies() const;

  // Kernel memory that the ring and the maps hold all the time.
  std::uint64_t pinned_bytes() const;
  std::uint64_t spilled_bytes() const;  // the most that ever waited in memory
  // mms that ended before the changes of a writer outside every traced call could be read.
  std::uint64_t unread() const;

  bool sees_faults() const;   // by page_fault_* or by the software event
  bool sees_touches() const;  // __anon_vma_prepare was found
  bool sees_locks() const;    // else records have no lock numbers
  Tier tier() const;          // of the recording

 private:
  struct State;
  explicit Loader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace anonvma
