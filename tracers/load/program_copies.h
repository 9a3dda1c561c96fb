// More copies of the programs of tracepoints, for kernels where these can be preempted (see
// told.bpf.h): the same object with the same maps, attached behind the first one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tracers/load/skipped_runs.h"

struct anonvma_bpf;

namespace anonvma {

class ProgramCopies {
 public:
  ProgramCopies() = default;
  ProgramCopies(const ProgramCopies&) = delete;
  ProgramCopies& operator=(const ProgramCopies&) = delete;
  ~ProgramCopies();  // detaches

  // What the kernel refused, and why; 0: nothing.
  struct Refusal {
    const char* step = "";
    int error = 0;
  };
  // Until there are `count` of each, with `first`, which is attached.
  Refusal add(const anonvma_bpf& first, std::uint32_t count);

  bool any() const { return !copies_.empty(); }
  // All so far, also of programs without a copy.
  Misses misses(const anonvma_bpf& first);

 private:
  std::vector<anonvma_bpf*> copies_;
  std::map<std::string, SkippedByAll> skipped_;  // by program
  std::uint64_t rescues_ = 0;                    // by the last copies
  Misses misses_;
};

}  // namespace anonvma
