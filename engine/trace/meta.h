// What a trace says about the machine and the recorder. Both travel as JSON text: the header chunk
// is written first, the end chunk last (a file without one was cut short). Unknown keys are kept
// out, missing keys keep these defaults, so that old and new files read the same way.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/slab/slab_account.h"

namespace anonvma {

// What the VMA layer was seen to do, by the names of rules in engine/vma/rules.def. A rule that is
// missing was not found out. This program ignores a name that it does not know.
using Behaviours = std::map<std::string, bool>;
inline constexpr std::size_t kMaxBehaviours = 64;  // a reader drops the rest

// How many events of each type, by its name; of one that the writer did not know, by its number.
using EventCounts = std::map<std::string, std::uint64_t>;
inline constexpr std::size_t kMaxEventTypes = 255;  // a reader drops the rest
// Of a slice: where it is from. What was alive at its start is a snapshot of the model, not of the
// kernel.
struct CutInfo {
  std::string source;  // hash of the trace it was cut from; empty: this is no slice
  std::uint64_t first_event = 0, end_event = 0;  // of the source: those from first to before end
  std::uint64_t from_ns = 0, to_ns = 0;          // the times of these, in the source
  // What of it is not exact, or was not in the source: for people.
  std::vector<std::string> notes;
  friend bool operator==(const CutInfo&, const CutInfo&) = default;
};

struct Meta {
  std::string tool_version;
  // The machine.
  std::string release;  // uname -r, whole: stable kernels carry backports
  std::string machine;  // uname -m
  std::uint64_t page_size = 4096;
  std::uint64_t cpus = 0;
  std::string boot_id_hash;  // tells two recordings of one boot, not the machine
  std::uint64_t start_unix_ns = 0;
  std::string thp_mode;  // always, madvise, never
  std::uint64_t overcommit = 0;
  // The three caches, from /sys/kernel/slab (objsize 0: could not be read); sizes by BTF.
  std::array<CacheSpec, kNumCaches> caches{};
  std::array<std::uint64_t, kNumCaches> struct_sizes{};
  // Facts that tell the kernel's own strategy: members of struct anon_vma, arguments of
  // anon_vma_clone().
  std::vector<std::string> anon_vma_members;
  std::uint64_t anon_vma_clone_args = 0;
  // Vmas are freed by RCU: what an operation frees comes back a grace period later.
  bool vma_free_rcu = false;
  // Seen when recording began, as the release cannot tell what a distribution carries back.
  Behaviours behaviours;
  // The recorder.
  std::string scope;   // system, pid, command
  std::string faults;  // write, first, all
  bool truth = false;
  // How far the recording can be trusted, as far as the kernel's hooks go: a name of
  // tracers/features.h. Empty: not known, as in files of early writers.
  std::string tier;
  std::vector<std::string> command;
  std::uint64_t ring_bytes = 0;
  // How the scheduler treated the thread that read the ring: a name of tracers/ring_plan.h. Empty:
  // not known, as in files of early writers.
  std::string reader;
  // Of a recording in several files: what they have in common, and which of them this is, from 1.
  std::string series;
  std::uint64_t part = 0;
  // What was done to the recording since.
  bool anonymized = false;
  CutInfo cut;
  friend bool operator==(const Meta&, const Meta&) = default;
};

// Does it begin with a snapshot that the model made?
inline bool is_slice(const Meta& meta) { return meta.cut.first_event > 0; }

// The registered name of the strategy that a kernel with these facts runs; empty when unknown.
std::string_view own_strategy(const Meta& meta);

struct EndInfo {
  std::uint64_t duration_ns = 0;
  std::uint64_t events = 0;
  std::uint64_t lost = 0;  // records, the sum of all Lost events
  // Of all BPF programs. Those of the slab hooks come from interrupts, where no object of the three
  // caches lives or dies; the others are in `lost`.
  std::uint64_t recursion_misses = 0;
  std::uint64_t processes_at_attach = 0;
  std::uint64_t unreadable_processes = 0;  // seen at attach, vmas not readable
  // Address spaces that never held still: their snapshot of the start is not one state.
  std::uint64_t torn_at_attach = 0;
  // Address spaces that ended before anybody had read what an unseen writer changed.
  std::uint64_t unread_writes = 0;
  // Write acquires outside every traced operation, by the name of the call: see syscall_names.h.
  EventCounts unseen_writers{};
  std::uint64_t spilled_bytes = 0;   // the most that waited in the recorder's memory
  std::int64_t command_status = -1;  // wait status of the command, -1: none
  bool continued = false;            // another part goes on, and began before this one ended
  std::string trigger{};             // why a flight recorder wrote this file
  // For readers that jump; files of early writers lack them. TraceWriter fills them in.
  EventCounts events_by_type{};
  std::uint64_t events_chunks = 0;
  std::uint64_t raw_bytes = 0;  // of all events chunks, decoded
  // Of a file that `anonvma repair` made: Lost events stand where something was.
  bool repaired = false;
  std::uint64_t missing_chunks = 0;  // as far as the numbers of those that were left tell
  friend bool operator==(const EndInfo&, const EndInfo&) = default;
};

std::string to_json(const Meta& meta);
std::string to_json(const EndInfo& end);
Result<Meta> parse_meta(std::string_view json);
Result<EndInfo> parse_end_info(std::string_view json);

}  // namespace anonvma
