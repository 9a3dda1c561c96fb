// Parts that the texts and the SVG of a map share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/look/space_map.h"

namespace anonvma {

// Names for what pages point at in designs where that is no anon_vma: "t1", "t2" in the order of
// addresses.
class Targets {
 public:
  explicit Targets(const SpaceMap& map);
  // "3 7 [12]": the chain of `vma`, the oldest entry first, its own in brackets. "-> t1" or "-> 3" for a
  // faulted vma without an anon_vma; empty for an unfaulted one. At most `columns` wide.
  std::string chain_text(const MappedVma& vma, std::size_t columns) const;
  bool empty() const { return labels_.empty(); }

 private:
  std::map<std::uint64_t, std::string> labels_;
};

// A run of vmas: one to be shown, or several unfaulted ones to be folded into a line.
struct VmaRun {
  std::size_t first = 0, count = 1;
  bool folded = false;
};
std::vector<VmaRun> vma_runs(const SpaceMap& map, bool all);
// "5 unfaulted vmas, 1.2M"
std::string folded_text(const SpaceMap& map, const VmaRun& run);

// "34 vmas, 20 chain entries to 9 anon_vmas, of which 5 are shared with other mms"
std::string totals_text(const SpaceMap& map);
// A sentence that says what the design lacks; empty if nothing.
std::string lacks_text(const SpaceMap& map, const Targets& targets);
// "mm 1 (bash), mm 3 (make) and 4 others"
std::string sharers_text(const SpaceMap& map, std::size_t most);

}  // namespace anonvma
