// A check: the kernel's own walk of all live address spaces, compared with the model.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/live/summary.h"
#include "engine/trace/event.h"

namespace anonvma {

// Objects that a walk has shown.
struct LiveWalk {
  std::uint64_t mms = 0, vmas = 0, chain_entries = 0, anon_vmas = 0;
  friend bool operator==(const LiveWalk&, const LiveWalk&) = default;
};

// The result of the newest check.
struct LiveCheck {
  enum class State : std::uint8_t { none, running, done } state = State::none;
  std::string clock;  // when it began
  std::uint64_t number = 0;
  LiveWalk kernel;
  std::uint64_t model_mms = 0;                // alive in the model
  std::uint64_t vmas = 0, chain_entries = 0;  // compared
  std::uint64_t vmas_differ = 0, chain_entries_differ = 0;
  // The walk was repeated: some of it had differed, as a fault or a call was in flight.
  unsigned repeated = 0;
  std::vector<std::string> differences{};  // the first ones, in full

  std::uint64_t differ() const { return vmas_differ + chain_entries_differ; }
};

// Counts what the walk of a check shows, event by event.
class WalkCounter {
 public:
  void begin();
  void take(const Event& event) {
    if (counts_) count(event);
  }
  LiveWalk end();

 private:
  void count(const Event& event);

  bool counts_ = false;
  bool of_walk_ = false;  // the parts belong to a snapshot of the walk
  LiveWalk seen_;
  std::unordered_set<std::uint32_t> anon_vmas_;
};

// The comparisons between two summaries.
void compared_between(const LiveVerified& before, const LiveVerified& after, LiveCheck& check);

}  // namespace anonvma
