// The options of `record`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cmd/record/child.h"

namespace anonvma::cmd {

// Plain values, one for each option of `record`.
struct RecordOptions {
  std::string output;     // empty: anonvma-<date>.trace in the current directory
  bool force = false;     // overwrite
  double duration_s = 0;  // 0: until a signal, or the command's end
  std::vector<int> pids;
  std::string cgroup;  // as the user names it
  bool truth = false;
  std::string faults = "write";
  std::uint64_t ring_mib = 0;  // 0: a size that fits the machine
  bool quiet = false;
  std::vector<std::string> command;
  ChildOutput command_output = ChildOutput::ours;
  // Several files; 0: one.
  std::uint64_t rotate_bytes = 0, rotate_ns = 0;
  std::size_t keep = 0;         // 0: all
  std::uint64_t max_bytes = 0;  // of all files
  // A flight recorder; 0: none.
  std::uint64_t flight_ns = 0;
  std::uint64_t flight_bytes = 256u << 20;
  std::vector<std::string> slab_triggers;
  bool trigger_once = false;
  bool flight_at_end = false;
};

}  // namespace anonvma::cmd
