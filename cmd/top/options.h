// The options of `top`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cmd/record/options.h"
#include "engine/report/live_screen.h"

namespace anonvma::cmd {

// Plain values, one for each option of `top`.
struct TopOptions {
  RecordOptions record;  // only what says whom to record, and how
  std::string strategies = "default";
  std::string baseline;  // empty: this kernel's own
  double interval_s = 2;
  double check_s = 60;      // between checks; 0: none
  std::uint64_t count = 0;  // intervals; 0: until a signal, a key or the command's end
  bool once = false;
  bool json_lines = false;
  std::size_t owners = 10;  // in output that is no screen
  LiveView view;
};

}  // namespace anonvma::cmd
