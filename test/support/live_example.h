// A frame of `anonvma top` with literal numbers.
#pragma once

#include "engine/live/frame.h"

namespace anonvma::test {

inline LiveDesign live_design(std::string name, std::array<std::uint64_t, kNumCaches> objs,
                              std::array<std::uint64_t, kNumCaches> at_start) {
  LiveDesign design{.name = std::move(name), .specs = default_cache_specs()};
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    design.caches[c] = {
        .active_objs = objs[c], .peak_objs = objs[c] + 10, .allocs = objs[c] + 100, .frees = 100};
    design.at_start_objs[c] = at_start[c];
    design.peak.objs[c] = objs[c] + 10;
  }
  return design;
}

inline LiveFrame live_example() {
  LiveFrame frame;
  frame.machine = {.release = "6.18.44",
                   .machine = "x86_64",
                   .own = "num-children",
                   .scope = "system",
                   .tier = "exact",
                   .faults = "write",
                   .baseline = "num-children",
                   .interval_s = 2};
  frame.clock = "12:03:06";
  frame.unix_ms = 1'700'000'000'123;
  frame.elapsed_s = 3723.5;
  frame.interval_s = 2;
  LiveSummary& now = frame.now;
  now.events = 70000;
  now.mms = 144;
  now.verified = {.possible = true, .map_counts = 900, .vmas = 24690, .chain_entries = 40962};
  now.designs = {live_design("num-children", {1024, 2048, 512}, {1000, 2000, 500}),
                 live_design("cow-context", {1024, 0, 0}, {1000, 0, 0}),
                 live_design("legacy", {1000, 0, 256}, {1000, 0, 250})};
  now.designs[0].own = true;
  now.designs[1].approximate = now.designs[2].approximate = true;
  now.designs[1].caches[kCowContext] = {
      .active_objs = 64, .peak_objs = 70, .allocs = 80, .frees = 16};
  now.designs[1].at_start_objs[kCowContext] = 60;
  frame.rates.events = 10234.4;
  frame.rates.forks = 45.2;
  frame.rates.execs = 40;
  frame.rates.exits = 44;
  frame.rates.designs.resize(3);
  frame.rates.designs[0].allocs = 3201;
  frame.rates.designs[0].allocs_of[kVmAreaStruct] = 1200;
  frame.check = {.state = LiveCheck::State::done,
                 .clock = "12:03:04",
                 .number = 3,
                 .kernel = {.mms = 143, .vmas = 12345, .chain_entries = 20481, .anon_vmas = 511},
                 .model_mms = 144,
                 .vmas = 12345,
                 .chain_entries = 20481};
  LiveHolders& holders = frame.holders.emplace();
  holders.clock = "12:03:06";
  holders.holders = {{.mm = MmId{1}, .comm = "bash", .objs = {100, 50, 20}},
                     {.mm = MmId{2}, .comm = "cc1", .objs = {900, 1900, 480}},
                     {.mm = MmId{3}, .comm = "bash", .objs = {24, 98, 12}}};
  return frame;
}

}  // namespace anonvma::test
