// Options that all looks at a moment of a trace have, and the trace behind them: a file, or one that is
// recorded for this look.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cmd/cli.h"
#include "cmd/files/mapped_file.h"
#include "cmd/record/options.h"
#include "cmd/screen.h"
#include "engine/look/look.h"
#include "engine/result.h"
#include "engine/trace/reader.h"

namespace anonvma::cmd {

struct CommonLookOptions {
  std::string file;
  bool live = false;     // record this machine instead
  RecordOptions record;  // whom, and how long, for `live`
  std::string strategy;  // empty: the recording kernel's own
  std::optional<double> at_s;
  bool no_limits = false;
  ScreenOptions screen;
};
// Adds FILE, --live with --duration, --pid and --cgroup, --at, --strategy, --no-limits and --no-pager.
void add_look_options(const Subcommand& command, CommonLookOptions& options);

// The bytes of a trace.
struct TraceSource {
  std::string name;  // for messages
  std::optional<MappedFile> file;
  std::vector<std::byte> recorded;  // without a file
  std::span<const std::byte> bytes() const {
    return file ? file->bytes() : std::span<const std::byte>(recorded);
  }
};

// A trace that was read once.
class Looked {
 public:
  static Result<Looked> open(const CommonLookOptions& options);

  const std::string& name() const { return source_.name; }

  // The design of the options, or the one of that name.
  Result<StrategyChoice> strategy(const std::string& design) const;
  // `design`: as --strategy.
  Result<Look> look(const std::string& design);
  const Survey& survey() const { return survey_; }
  // The exit status after an answer was printed. Damage is also reported on stderr.
  int status() const;

 private:
  Looked(CommonLookOptions options, TraceSource source, TraceReader reader, Survey survey);
  CommonLookOptions options_;
  TraceSource source_;
  TraceReader reader_;
  Survey survey_;
};

}  // namespace anonvma::cmd
