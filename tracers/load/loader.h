// Loads and attaches the BPF programs, and reads what they leave: the ring, the counters of losses,
// the walk.
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

  // Records are sent between these two.
  void start();
  void stop();

  // Gives the records in the ring to on_record, in ring order, but no more than kMostPerDrain, so
  // that busy writers do not hold the caller for ever; true when these were all.
  static constexpr std::size_t kMostPerDrain = 1u << 18;
  Result<bool> drain();
  // The bytes of one walk over a process (by its local tgid), or the whole system (0). `track`: its
  // mms count as alive, and are recorded, from here on. The walk's ring records carry `walk_id`.
  Result<std::vector<std::byte>> walk(std::uint32_t tgid, std::uint64_t walk_id, bool track);
  // What was lost since the last call.
  std::vector<LostCount> take_lost();
  std::uint64_t losses() const;  // where they stand, to be held against what a gap record tells
  // The mms that live, as far as they are recorded, down to the last step of exit_mmap(): more than
  // a walk sees. None when they could not all be kept.
  std::optional<std::vector<std::uint64_t>> alive() const;
  bool lives(std::uint64_t address) const;
  // The next task of the mm that enters or leaves a system call, or takes its lock, reads it.
  void read_again(std::uint64_t address) const;
  // Where the kernel frees vmas by RCU: waits until it may free those of the calls so far.
  void wait_for_vmas() const;
  // Since the programs were loaded; to be asked now and then.
  Misses recursion_misses();
  // Programs are loaded more than once: then what all of them skip within the same time counts as
  // lost, so the question has to come often.
  bool has_copies() const;

  // Kernel memory that the ring and the maps hold whatever happens.
  std::uint64_t pinned_bytes() const;
  std::uint64_t spilled_bytes() const;  // the most that ever waited in memory
  // mms that ended before anybody could read what a writer outside every traced call had changed.
  std::uint64_t unread() const;

  bool sees_faults() const;   // by page_fault_* or by the software event
  bool sees_touches() const;  // __anon_vma_prepare was found
  bool sees_locks() const;    // else records have no lock numbers
  Tier tier() const;          // of what it records

 private:
  struct State;
  explicit Loader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace anonvma
