// A trigger of a flight recorder: a slab cache passes a threshold.
//
// /proc/slabinfo counts all objects in slabs that a CPU holds as active, used or not. So its
// numbers are higher than the live objects and move in steps. The kernel merges caches of one size:
// a merged cache appears under the name of another one, with the number of all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace anonvma::cmd {

struct SlabTrigger {
  std::string cache;
  std::uint64_t percent = 0;  // above the baseline; 0: `objs` counts
  std::uint64_t objs = 0;
  friend bool operator==(const SlabTrigger&, const SlabTrigger&) = default;
};
// "anon_vma=+20%" or "anon_vma=50000".
Result<SlabTrigger> parse_slab_trigger(std::string_view text);

// active_objs of a cache in the text of /proc/slabinfo.
std::optional<std::uint64_t> active_objs(std::string_view slabinfo, std::string_view cache);

class SlabWatch {
 public:
  struct Sources {
    std::string slabinfo = "/proc/slabinfo";
    std::string folder = "/sys/kernel/slab";
  };
  // Finds the caches and reads their baselines. An error if one cannot be read.
  static Result<SlabWatch> open(const std::vector<SlabTrigger>& triggers, Sources sources);
  static Result<SlabWatch> open(const std::vector<SlabTrigger>& triggers) {
    return open(triggers, Sources{});
  }

  // Reads the caches. Returns a message when a threshold has just been passed.
  std::optional<std::string> look();
  // Makes the present values the baselines.
  void rebase();
  // One line for each cache: what is watched, and under which name.
  std::vector<std::string> describe() const;

 private:
  struct Watched {
    SlabTrigger trigger;
    std::string name;  // as the kernel lists it, perhaps the name of a cache merged with it
    std::uint64_t baseline = 0;
    bool above = false;
    std::uint64_t threshold() const;
  };
  explicit SlabWatch(Sources sources) : sources_(std::move(sources)) {}
  std::optional<std::uint64_t> read(const std::string& name) const;
  Result<Watched> find(const SlabTrigger& trigger) const;

  Sources sources_;
  std::vector<Watched> watched_;
};

}  // namespace anonvma::cmd
