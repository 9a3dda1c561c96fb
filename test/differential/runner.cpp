#include "test/differential/runner.h"

#include <fmt/format.h>

#include <cstring>

namespace anonvma::differential {
namespace {

std::string describe_result(std::int64_t result) {
  if (result < 0 && result > -4096) return strerrorname_np(static_cast<int>(-result));
  const auto address = static_cast<std::uint64_t>(result);
  if (address >= kArena && address < kArena + static_cast<std::uint64_t>(kHeap))
    return format_value(Unit::address, static_cast<std::int64_t>(address - kArena) / page_factor());
  return result < 10000 ? std::to_string(result) : fmt::format("{:#x}", result);
}

class Runner {
 public:
  Runner(Session& session, const Program& program, CoverageTable& coverage)
      : session_(session), program_(program), coverage_(coverage) {
    run_.results.assign(program.size(), "-");
  }

  Result<Run> run() {
    const bool at_once = concurrent(program_);
    session_.begin_program();
    before_ = session_.differing();
    for (std::size_t i = 0; i < program_.size() && run_.equal(); ++i) {
      if (!session_.family().issue(program_[i], i)) count(i).skipped += program_[i].op != Op::sync;
      if (at_once && program_[i].op != Op::sync && i + 1 < program_.size()) continue;
      run_.reached = i + 1;
      if (const Status step = turn(); !step) return step.error();
    }
    if (const Status ended = end(); !ended) return ended.error();
    return std::move(run_);
  }

 private:
  Coverage& count(std::size_t i) { return coverage_[static_cast<std::size_t>(program_[i].op)]; }

  Status turn() {
    const auto outcomes = session_.family().sync();
    if (!outcomes) return outcomes.error();
    for (const Family::Outcome& outcome : *outcomes) {
      ++run_.operations;
      run_.results[outcome.index] = describe_result(outcome.result);
      const bool failed = outcome.result < 0 && outcome.result > -4096;
      ++(failed ? count(outcome.index).failed : count(outcome.index).succeeded);
    }
    return compare(false);
  }

  Status compare(bool with_nursery) {
    if (const Status compared = session_.compare(with_nursery); !compared) return compared;
    if (session_.differing() == before_) return ok();
    if (session_.differences().empty()) run_.differences.emplace_back("no text");
    for (const std::string& text : session_.differences()) run_.differences.push_back(text);
    return ok();
  }

  // The VMAs that the processes leave behind are compared as well.
  Status end() {
    const bool was_equal = run_.equal();
    if (const Status ended = session_.family().end_program(); !ended) return ended;
    return was_equal ? compare(true) : ok();
  }

  Session& session_;
  const Program& program_;
  CoverageTable& coverage_;
  std::uint64_t before_ = 0;
  Run run_;
};

}  // namespace

Result<Run> run(Session& session, const Program& program, CoverageTable& coverage) {
  return Runner(session, program, coverage).run();
}

}  // namespace anonvma::differential
