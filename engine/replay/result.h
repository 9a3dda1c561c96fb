// Results of a replay, as values: two strategies compare by subtraction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/ids.h"
#include "engine/replay/family.h"
#include "engine/slab/slab_account.h"
#include "engine/trace/meta.h"
#include "engine/verify/verdict.h"
#include "engine/vma/anomalies.h"
#include "engine/vma/map_counts.h"

namespace anonvma {

// (a value, how often), by ascending value.
using Histogram = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

// Reverse-map walks of one moment: for each faulted vma, how many vmas a walk for a page first
// faulted there visits.
struct Walks {
  std::uint64_t vmas = 0;  // faulted vmas; 0: the other fields mean nothing
  std::uint64_t min = 0, median = 0, p99 = 0, max = 0;
  Histogram vmas_per_anon_vma = {};  // how many anon_vmas have so many vmas linked
  Histogram walk_lengths = {};       // how many faulted vmas have a walk of so many vmas
  Histogram chain_lengths = {};      // how many faulted vmas have so many chain entries
  friend bool operator==(const Walks&, const Walks&) = default;
};

// The objects of one mm, of its vmas with one name. An anon_vma that several mms use counts for the lowest mm that has it as
// vma->anon_vma. If no vma has it any more, it counts for the lowest mm with a link to it.
struct Holder {
  MmId mm;  // none: objects that no living mm is linked to
  std::string comm;
  std::array<std::uint64_t, kAllCaches> objs{};
  // Id and text of the name of the vmas. 0: vmas without a name, and the objects of the whole mm.
  std::uint64_t vma_name = 0;
  std::string name_text = {};
  // Id and path of the cgroup of the mm. 0: not known.
  std::uint64_t cgroup = 0;
  std::string cgroup_path = {};
  friend bool operator==(const Holder&, const Holder&) = default;
};

// The state between two operations.
struct Moment {
  SlabMoment slab;
  Walks walks;
  std::vector<Holder> holders;      // by mm, without a name first; the holder without an mm is last
  std::uint64_t remap_entries = 0;  // see Strategy::remap_entries()
  Family family = {};               // if ReplayOptions::family is set
  friend bool operator==(const Moment&, const Moment&) = default;
};

// The source of a cache's geometry.
enum class SpecSource : std::uint8_t {
  trace,   // the recording kernel's own, from its sysfs
  table,   // sizes of the design's era, or of a cache that no released kernel has
  option,  // from the command line
  assumed  // the trace names none: the geometry of 6.18 x86_64
};
struct RowSpecs {
  CacheSpecs specs;
  std::array<SpecSource, kAllCaches> sources{};
  friend bool operator==(const RowSpecs&, const RowSpecs&) = default;
};

// Pages that a reverse-map walk does not find: it starts from their target and misses a vma that
// maps them.
struct ReachFinding {
  std::uint64_t event = 0;  // index in the trace
  std::uint64_t time_ns = 0;
  std::string operation;  // name of the OpKind
  std::uint32_t mm = 0;   // MmId::kNone: a fork in progress
  std::string comm;
  std::uint64_t start = 0, end = 0;  // of the vma, bytes
  std::uint64_t first_page = 0;      // of the pages, bytes
  std::uint64_t pages = 0;
  std::uint64_t target = 0;   // the target of the pages, see Strategy::rmap_target()
  std::uint32_t writer = 0;   // the mm that first wrote to a page with that target,
  std::uint64_t written = 0;  // and at which event
  std::string why;
  friend bool operator==(const ReachFinding&, const ReachFinding&) = default;
};
// The result of ReplayOptions::check_reach.
struct ReachReport {
  std::uint64_t checks = 0;    // questions: does a walk from this target visit this vma?
  std::uint64_t findings = 0;  // page ranges that a walk misses, each counted once
  std::uint64_t pages = 0;     // in these ranges
  std::optional<ReachFinding> first;
  friend bool operator==(const ReachReport&, const ReachReport&) = default;
};

// Plain values: what one replay found out, one member for each part of a report.
struct ReplayResult {
  std::string strategy;  // with its parameters: "lazy-v1:merge=base"
  std::string rules;     // name of the KernelRules it was replayed under
  std::string basis;     // for a proposal: its source and its parameters
  std::string assumed;   // rules taken from another era, as this era's were not read
  RowSpecs specs;
  std::array<CacheUsage, kAllCaches> caches{};
  std::array<std::uint64_t, kAllCaches> at_start_objs{};  // alive when recording began
  std::array<OpCost, kNumOpKinds> costs{};
  std::uint64_t root_locks = 0;
  std::optional<SlubUses> slub;      // if ReplayOptions::slub is set
  std::optional<Timeline> timeline;  // if ReplayOptions::timeline is set
  Moment end;
  Moment peak;               // when the sum of all bytes peaked
  std::optional<Moment> at;  // the time that was asked for
  std::uint64_t map_counts_compared = 0;
  std::uint64_t map_count_mismatches = 0;
  std::optional<Mismatch> first_mismatch;
  std::optional<ReachReport> reach;  // if ReplayOptions::check_reach is set
  Anomalies anomalies;
  std::vector<std::string> approximate;  // reasons why this row is not exact; empty: it is
  friend bool operator==(const ReplayResult&, const ReplayResult&) = default;
};

// The trace behind a table. Every table ends with it.
struct TraceSummary {
  std::string path;
  std::string hash;
  Meta meta;
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
  std::uint64_t tainted_mms = 0;     // address spaces that were uncertain after losses
  std::uint64_t tainted_at_end = 0;  // those of tainted_mms that stayed uncertain
  std::uint64_t skipped = 0;         // records newer than this reader
  std::uint64_t duration_ns = 0;
  std::uint64_t mms = 0;
  std::string own_strategy;  // the recording kernel's; empty when unknown
  std::string rules;         // name of the KernelRules used
  std::string damage;        // why reading stopped early; empty: read to its end
  std::string command;       // the command that makes this table again; may be empty
};

struct Comparison {
  TraceSummary trace;
  std::string baseline;
  std::optional<double> at_s;      // the time asked for, in seconds since the first event
  std::vector<ReplayResult> rows;  // in the order asked for
  // The verdict on the recording kernel's own strategy. None when that strategy is not known, or
  // when other rules were asked for.
  std::optional<Verdict> verdict;
};

}  // namespace anonvma
