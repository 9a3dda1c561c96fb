// The checks of `top`: a walk of all live address spaces by the kernel, compared with the model. A
// check that differs is made once more, as faults and calls go on during a walk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/live/check.h"
#include "engine/live/live.h"
#include "engine/result.h"

namespace anonvma {
class Recorder;
}

namespace anonvma::cmd {

class Checks {
 public:
  Checks(Recorder& recorder, Live& live) : recorder_(recorder), live_(live) {}

  void take(const Event& event) { walk_.take(event); }
  bool running() const { return running_.has_value(); }
  // Walks. `clock` is the time of day, for people.
  Status begin(std::uint64_t now_ns, const std::string& clock);
  // Ends a check when everything of its walk has come.
  Status tick(std::uint64_t now_ns);
  // The newest result, or the state of the first check.
  LiveCheck shown() const;
  bool found_difference() const { return differed_; }  // in any check

 private:
  Status walk(std::uint64_t now_ns);

  Recorder& recorder_;
  Live& live_;
  WalkCounter walk_;
  std::optional<LiveCheck> running_;
  LiveCheck done_;
  LiveVerified at_walk_;
  std::uint64_t walked_ns_ = 0;
  bool differed_ = false;
};

}  // namespace anonvma::cmd
