// The findings of `verify`, as values.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/slab/slab_account.h"
#include "engine/trace/meta.h"

namespace anonvma {

// One kind of fact on which model and kernel must agree.
struct Lane {
  std::string name;
  std::uint64_t compared = 0, equal = 0;
  std::string not_available;  // the reason if nothing could be compared

  bool agrees() const { return compared == equal; }
  friend bool operator==(const Lane&, const Lane&) = default;
};

// Objects that the kernel allocated and freed again where the model allocates none: measured from
// the trace, and left out of the comparison.
struct Excluded {
  std::string name;
  std::string meaning;
  std::array<std::uint64_t, kNumCaches> objs{};
  friend bool operator==(const Excluded&, const Excluded&) = default;
};

struct Verdict {
  bool truth = false;  // the trace carries the kernel's own objects
  std::vector<Lane> lanes;
  std::vector<Excluded> excluded;
  std::vector<std::string> differences;  // the first ones, in full
  std::vector<std::string> doubts;       // reasons why equal lanes would not prove equality
  // Write acquires outside every traced operation, by the name of the call.
  EventCounts unseen_writers{};
  // anon_vmas of the start that are shared with address spaces that were not recorded.
  std::uint64_t shared_elsewhere = 0;

  bool agrees() const {
    return std::all_of(lanes.begin(), lanes.end(), [](const Lane& l) { return l.agrees(); });
  }
  bool proves() const { return agrees() && doubts.empty(); }
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

}  // namespace anonvma
