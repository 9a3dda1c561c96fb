// Snapshots as check() wants them: the events that a snapshot announces follow at once, and do not
// contradict each other.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "engine/trace/check_findings.h"
#include "engine/trace/event.h"

namespace anonvma {

class SnapshotCheck {
 public:
  explicit SnapshotCheck(CheckFindings& findings) : findings_(findings) {}
  void apply(const Event& event);
  // Nothing of a snapshot that is in progress will follow, because of `why`.
  void end(std::string_view why);

 private:
  void give_up(std::string_view why);
  void begin(const Event& event, const Snapshot& snapshot);
  void check_part(const Event& event);
  void check_vma(const SnapVma& vma);
  void check_chain(const SnapChain& chain);
  void end_chain();

  CheckFindings& findings_;
  bool in_snapshot_ = false;
  MmId mm_;
  std::uint64_t vmas_left_ = 0, chains_left_ = 0, vma_end_ = 0;
  AnonVmaId own_;  // anon_vma of the last SnapVma, until one of its chains names it
  std::unordered_map<AnonVmaId, SnapChain> links_;  // chains of this snapshot
  std::unordered_set<AnonVmaId> roots_;             // their roots
  bool awaited_ = false;                            // an Exec waits for its snapshot
  MmId exec_mm_;
};

}  // namespace anonvma
