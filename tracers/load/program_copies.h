// More copies of the programs of tracepoints, for kernels that can preempt a program (see
// bpf/preemptible/once.bpf.h): the same object with the same maps, attached behind the first one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tracers/load/skipped_runs.h"
#include "tracers/records.h"

struct anonvma_preemptible_bpf;
struct bpf_object;

namespace anonvma {

class ProgramCopies {
 public:
  ProgramCopies() = default;
  ProgramCopies(const ProgramCopies&) = delete;
  ProgramCopies& operator=(const ProgramCopies&) = delete;
  ~ProgramCopies();  // detaches

  // The step that the kernel refused, and the errno; `error` is 0 if it refused none.
  struct Refusal {
    const char* step = "";
    int error = 0;
  };
  // Adds copies until each program exists ANONVMA_COPIES times. `first` counts, and is attached.
  Refusal add(const anonvma_preemptible_bpf& first);

  bool any() const { return !copies_.empty(); }
  // All skipped runs so far, also those of programs without a copy.
  Misses misses(const bpf_object* first);

 private:
  std::vector<anonvma_preemptible_bpf*> copies_;
  std::map<std::string, SkippedByAll> skipped_;  // by program
  std::span<const __u64> last_rescues_;          // by hook: events that only the last copy ran at
  std::uint64_t rescues_ = 0;                    // their sum at the last call of misses()
  Misses misses_;
};

}  // namespace anonvma
