// Runs many programs, one after another, until enough operations are done or one program differs.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "test/differential/generate.h"
#include "test/differential/runner.h"

namespace anonvma::differential {

struct CampaignOptions {
  std::string target;      // the program that is recorded
  std::uint64_t seed = 0;  // of the first program; the next program has the next number
  std::uint64_t operations = 3000;
  // After this time no program begins, and shrinking stops. The results so far are printed.
  std::chrono::seconds time = std::chrono::hours(24 * 365);
  Taste taste;
  bool aslr = false;        // let addresses differ from run to run
  bool keep_going = false;  // after a difference
  bool verbose = false;
  bool shrink = true;
};

class Campaign {
 public:
  explicit Campaign(const CampaignOptions& options)
      : options_(options), end_(std::chrono::steady_clock::now() + options.time) {}

  // Runs random programs. True if none differed.
  Result<bool> fuzz();
  // Runs one given program; prints its states if verbose.
  Result<bool> replay(const Program& program);

 private:
  Result<Session*> session();
  void drop_session();
  Result<Run> run_one(const Program& program);
  bool fails(const Program& program);
  Result<bool> report(const Program& program);
  bool time_is_up() const { return std::chrono::steady_clock::now() >= end_; }
  Result<bool> finish();
  void print_coverage() const;
  void print_summary() const;

  CampaignOptions options_;
  std::chrono::steady_clock::time_point end_;
  std::unique_ptr<Session> session_;
  CoverageTable coverage_{};
  SessionCounts counts_;  // sum over finished sessions
  std::uint64_t operations_ = 0, programs_ = 0, differing_ = 0, unrepeated_ = 0, deaths_ = 0;
  double seconds_ = 0;
};

}  // namespace anonvma::differential
