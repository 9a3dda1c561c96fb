// Facts about the machine and the recorder. Both structs travel as JSON text: the header chunk is
// written first, the end chunk last (a file without one was cut short). Unknown keys are dropped
// and missing keys keep these defaults, so that old and new files read the same way.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/kernel_facts.h"
#include "engine/result.h"
#include "engine/slab/slab_account.h"

namespace anonvma {

// Results of experiments on the VMA layer, by the names of rules in engine/vma/rules.def. A missing
// rule was not probed. A name that this program does not know has no effect.
using Behaviours = std::map<std::string, bool>;
inline constexpr std::size_t kMaxBehaviours = 64;  // a reader drops the rest

// The number of events by type name. A type that the writer did not know has its number as name.
using EventCounts = std::map<std::string, std::uint64_t>;
inline constexpr std::size_t kMaxEventTypes = 255;  // a reader drops the rest
// The origin of a slice, whose start state is a snapshot of the model, not of the kernel.
struct CutInfo {
  std::string source;  // hash of the trace it was cut from; empty: this is no slice
  std::uint64_t first_event = 0, end_event = 0;  // in the source: [first, end)
  std::uint64_t from_ns = 0, to_ns = 0;          // times of these events in the source
  // Messages about parts of the slice that are not exact, or were not in the source.
  std::vector<std::string> notes;
  friend bool operator==(const CutInfo&, const CutInfo&) = default;
};

// Plain values, one for each key of the header. The base struct has the facts that identify the kernel's own strategy.
struct Meta : KernelFacts {
  std::string tool_version;
  // The machine.
  std::string machine;  // uname -m
  std::uint64_t page_size = 4096;
  std::uint64_t cpus = 0;
  std::string boot_id_hash;  // relates two recordings of one boot, not the machine
  std::uint64_t start_unix_ns = 0;
  std::string thp_mode;  // always, madvise, never
  std::uint64_t overcommit = 0;
  std::uint64_t stack_guard_pages = 256;     // boot parameter stack_guard_gap
  std::uint64_t huge_page_bytes = 2u << 20;  // of hugetlb mappings that name no size
  // The three caches, from /sys/kernel/slab (objsize 0: could not be read); sizes by BTF.
  std::array<CacheSpec, kNumCaches> caches{};
  std::array<std::uint64_t, kNumCaches> struct_sizes{};
  // Vmas are freed by RCU, a grace period after the operation that unmaps them.
  bool vma_free_rcu = false;
  // Probed when recording began: releases do not show a distribution's backports.
  Behaviours behaviours;
  // The recorder.
  std::string scope;   // system, pid, cgroup, command
  std::string faults;  // write, first, all
  bool truth = false;
  // The accuracy of the recording, as decided by the kernel's hooks: a name of
  // tracers/kernel/features.h. Empty: not known, as in files of early writers.
  std::string tier;
  std::vector<std::string> command;
  std::string cgroup;  // of scope cgroup: its path
  std::uint64_t ring_bytes = 0;
  // How the scheduler treated the thread that read the ring: a name of tracers/load/ring_plan.h.
  // Empty: not known, as in files of early writers.
  std::string reader;
  // For a recording in several files: the id that they share, and the number of this file, from 1.
  std::string series;
  std::uint64_t part = 0;
  // Later changes to the recording.
  bool anonymized = false;
  CutInfo cut;
  friend bool operator==(const Meta&, const Meta&) = default;
};

// True if the trace begins with a snapshot that the model made.
inline bool is_slice(const Meta& meta) { return meta.cut.first_event > 0; }

// Plain values, one for each key of the trace's end.
struct EndInfo {
  std::uint64_t duration_ns = 0;
  std::uint64_t events = 0;
  std::uint64_t lost = 0;  // records, the sum of all Lost events
  // Summed over all BPF programs. Misses of the slab hooks come from interrupts, where no object of
  // the three caches is allocated or freed; all other misses are in `lost`.
  std::uint64_t recursion_misses = 0;
  std::uint64_t processes_at_attach = 0;
  // The number of these that were not asked for, but share anon_vmas with those that were.
  std::uint64_t relatives_at_attach = 0;
  std::uint64_t unreadable_processes = 0;  // likewise found, but their vmas were not readable
  // Address spaces that changed at every attempt to read them: their first snapshot is torn.
  std::uint64_t torn_at_attach = 0;
  // Address spaces that ended before the changes of an unseen writer were read.
  std::uint64_t unread_writes = 0;
  // Write acquires outside every traced operation, by the name of the call: see syscall_names.h.
  EventCounts unseen_writers{};
  std::uint64_t spilled_bytes = 0;   // the most that waited in the recorder's memory
  std::int64_t command_status = -1;  // wait status of the command, -1: none
  bool continued = false;            // another part follows, and began before this one ended
  std::string trigger{};             // the reason why a flight recorder wrote this file
  // For readers that jump; files of early writers lack them. TraceWriter fills them in.
  EventCounts events_by_type{};
  std::uint64_t events_chunks = 0;
  std::uint64_t raw_bytes = 0;  // of all events chunks, decoded
  // True for a file made by `anonvma repair`: Lost events stand where chunks were missing.
  bool repaired = false;
  std::uint64_t missing_chunks = 0;  // as far as the numbers of the other chunks show
  friend bool operator==(const EndInfo&, const EndInfo&) = default;
};

std::string to_json(const Meta& meta);
std::string to_json(const EndInfo& end);
Result<Meta> parse_meta(std::string_view json);
Result<EndInfo> parse_end_info(std::string_view json);

}  // namespace anonvma
