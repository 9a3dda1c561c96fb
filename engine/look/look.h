// A look at a moment: how it begins, and what all its answers have in common.
//
//   trace ─ survey() ─► Survey ─ choose a moment ─► Scene ─ replay to it ─► Standing ─► an answer
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/look/census.h"
#include "engine/look/origins.h"
#include "engine/look/standing.h"
#include "engine/look/survey.h"
#include "engine/result.h"
#include "engine/trace/reader.h"

namespace anonvma {

struct LookOptions {
  std::optional<double> at_s;  // none: a moment is chosen
  bool at_end = false;         // that is the end, not the peak
  bool limits = true;
  std::string path = {};  // of the trace, for answers
};

// The moment of an answer, and the trace behind it.
struct Scene {
  enum class Why : std::uint8_t { at, peak, before_end, end };
  std::string path, hash, kernel;
  std::string strategy;      // with its parameters
  std::string own_strategy;  // of the recording kernel; empty when unknown
  Why why = Why::at;
  std::uint64_t events = 0;  // before the moment
  std::uint64_t ns = 0;      // the moment: the time that was asked for, or that of the last event
  std::uint64_t lost = 0;
  std::string damage;              // why reading stopped early
  std::vector<std::string> notes;  // why the answer is not exact
  friend bool operator==(const Scene&, const Scene&) = default;
};

// One trace under one design.
class Look {
 public:
  // `reader` is of the trace that `survey` has read. Both outlive the look.
  Look(TraceReader& reader, const Survey& survey, const StrategyChoice& strategy,
       const LookOptions& options);

  // The moment that was asked for: a time, the end, or the peak of the sum, which a replay of the whole
  // trace finds.
  Result<Scene> moment() const;
  // The last whole state of an mm that has ended.
  Scene before_end(const MmLife& life) const;
  Scene at_end() const;
  // The moment of a scene of another design.
  Scene same_moment(const Scene& other) const;

  // The model at the moment of `scene`, with the origins of its anon_vmas. `followed`: numbers
  // of anon_vmas whose forks are noted.
  struct Stand {
    std::unique_ptr<Standing> model;
    std::unique_ptr<Origins> origins;  // observes `model`
    Census census;
  };
  Result<Stand> stand(const Scene& scene, std::span<const std::uint64_t> followed = {}) const;

  const Survey& survey() const { return survey_; }
  const StrategyChoice& strategy() const { return strategy_; }

 private:
  Scene scene(Scene::Why why, std::uint64_t events, std::uint64_t ns) const;
  Budget budget() const;

  TraceReader& reader_;
  const Survey& survey_;
  StrategyChoice strategy_;
  LookOptions options_;
};

// The budget of one replay of the trace.
Budget look_budget(const TraceReader& reader, bool limits);

}  // namespace anonvma
