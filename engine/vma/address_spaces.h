// The VMA layer of one replay: every mm of a trace, under the rules of one kernel era, driving one
// strategy. It knows mms, vmas and ranges; it knows no strategy by name.
//
// This class turns events and whole snapshots (trace/collected.h) into operations, and returns the
// effect of each operation. replay/driver.h reads a trace for it. The operations are functions with
// the kernel's names, in a file for each family (map, unmap, protect, advise, lock, remap, fork,
// fault, snapshot). Their shared code is in merge, modify, layer_locks and pages; layer.h has the
// parts that they work on. Addresses are bytes, pgoff is in pages. Limits (max_map_count, rlimits)
// are never decided again: the outcome of a call is replayed as recorded.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/slab/counts.h"
#include "engine/trace/collected.h"
#include "engine/trace/event.h"
#include "engine/vma/attach.h"
#include "engine/vma/kernel_rules.h"
#include "engine/vma/layer.h"
#include "engine/vma/map_counts.h"

namespace anonvma {

// The effect of one operation.
struct OpEffect {
  Counts objs;                     // allocated and freed
  Prepared prepared;               // vmas, and the part of objs that was allocated for them
  bool map_count_differs = false;  // the kernel's map_count before the operation was another one
  std::string_view rule_before;    // if so: the last rule that was applied to the mm before
};

class AddressSpaces {
 public:
  AddressSpaces(KernelRules rules, std::uint64_t page_size, const StrategyChoice& strategy,
                SlabAccount& slab, Setting setting = {});
  AddressSpaces(const AddressSpaces&) = delete;
  AddressSpaces& operator=(const AddressSpaces&) = delete;

  // `watcher` observes pages from the first event on.
  void watch(Watcher* watcher) { layer_.watcher = watcher; }

  // A trace is a series of calls of the following. `index` is the position of an event in the
  // trace. Before an event is applied, pass_by() and abandon_fork_before() are called, in this
  // order.

  // True if `event` changes nothing, like most events. It is counted then, and is not applied. Not
  // to be called while a snapshot waits to be applied.
  bool pass_by(const Event& event, std::uint64_t index);
  // A fork in flight of this mm has failed if an operation with another lock token follows: its
  // copies are freed. True if there was one.
  bool abandon_fork_before(const EventHead& head, std::uint64_t index);
  // Applies one event. Parts of snapshots change nothing here.
  OpEffect apply(const Event& event, std::uint64_t index);
  // Applies a snapshot that does not belong to a set. Snapshots for comparisons change nothing.
  OpEffect apply(const MmSnapshot& snapshot);
  // Takes over the address spaces that a set of snapshots shows.
  void apply(const SnapshotSet& set);

  // Abandons all forks that the end of the trace cut off.
  void abandon_forks();

  const Strategy& strategy() const { return vmas_.strategy(); }
  const KernelRules& rules() const { return rules_; }
  const Vma& vma(VmaId id) const { return vmas_[id]; }
  VmaView view(VmaId id) const { return vmas_.view(id); }
  MmId mm_of(VmaId id) const { return mms_[vmas_[id].mm].id; }  // none: of a fork in flight
  std::vector<VmaId> vmas(MmId id) const;               // in address order; empty for an unknown mm
  std::vector<MmId> mms() const { return mms_.ids(); }  // alive, ascending
  MmSlot mm_slot(MmId id) const;  // the strategy's name of the mm; none for an unknown mm
  std::string comm(MmId id) const;
  std::uint64_t cgroup(MmId id) const;  // id of its path's Text; 0: not known
  // The fields of a snapshot beside its vmas; all zero for an unknown mm.
  struct MmState {
    std::uint64_t def_flags = 0, start_brk = 0;
    Comm comm;
  };
  MmState state(MmId id) const;
  // The last merge decision on the mm, in the kernel's words; empty for an unknown mm.
  std::string_view last_rule(MmId id) const;

  // True if the mm or a relative has lost records since its last snapshot.
  bool tainted(MmId id) const;
  std::uint64_t tainted_now() const { return mms_.tainted(); }
  std::uint64_t mms_seen() const { return mms_.seen(); }
  std::uint64_t mms_alive() const { return mms_.alive(); }
  const Rmap& rmap() const { return rmap_; }
  const Anomalies& anomalies() const { return anomalies_; }
  const MapCounts& map_counts() const { return map_counts_; }
  // Objects alive when recording began (attach snapshots), per cache.
  const std::array<std::uint64_t, kAllCaches>& at_start() const { return attach_.at_start(); }

 private:
  void now(std::uint64_t event, std::uint64_t time_ns) { now_event_ = event, now_ns_ = time_ns; }
  void begin_op(OpKind kind, bool counts, std::uint32_t tid);
  void end_op();
  void replay(const Event& event);
  Mm* known_mm(MmId id);  // counts an anomaly if there is none

  const KernelRules rules_;
  const Setting setting_;
  SlabAccount& slab_;
  Anomalies anomalies_;
  MmTable mms_;
  VmaTable vmas_;
  Rmap rmap_;
  Layer layer_;  // the members above, for operations
  MapCounts map_counts_;
  Attach attach_;
  std::uint64_t now_event_ = 0, now_ns_ = 0;
};

}  // namespace anonvma
