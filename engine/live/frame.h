// Everything that `anonvma top` shows at one moment, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/live/check.h"
#include "engine/live/summary.h"
#include "engine/replay/result.h"

namespace anonvma {

// The facts that stay the same.
struct LiveMachine {
  std::string release, machine;
  std::string own;    // design of this kernel; empty: not known
  std::string scope;  // "system", "pid 12 34", "cgroup /a/b", "command make -j8"
  std::string tier;   // see Meta
  std::string faults;
  std::string baseline;  // name of one of the designs
  double interval_s = 0;
};

// The holders of one design's objects.
struct LiveHolders {
  std::size_t design = 0;
  std::string clock;            // when they were counted
  std::vector<Holder> holders;  // by mm
};

struct LiveFrame {
  LiveMachine machine;
  std::string clock;  // local time of day
  std::uint64_t unix_ms = 0;
  double elapsed_s = 0;   // since the start
  double interval_s = 0;  // since the frame before: the time of the rates
  LiveSummary now;
  LiveRates rates;
  // Records that the recorder has lost, with those that the events do not tell yet.
  std::uint64_t lost = 0;
  std::uint64_t unreadable = 0;  // processes of the start that were not read
  std::uint64_t torn = 0;        // address spaces of the start whose snapshot is not one state
  LiveCheck check;
  std::optional<LiveHolders> holders;
  std::string ended;  // why nothing is recorded any more; empty: it goes on
};

}  // namespace anonvma
