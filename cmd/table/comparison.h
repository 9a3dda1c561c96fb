// The common part of `compare` and `replay`: one trace against several strategies.
#pragma once

#include <string>

#include "cmd/table/table_options.h"
#include "engine/replay/result.h"
#include "engine/result.h"

namespace anonvma::cmd {

struct ComparisonRequest {
  std::string file;
  std::string strategies;
  std::string baseline;
  TableOptions table;
  bool own_only = false;  // the recording kernel's own strategy, whatever `strategies` says
};

// Opens and replays one trace. The error names the file if the file is the reason.
Result<Comparison> run_comparison(const ComparisonRequest& request);

// The exit status after a table was printed. A damaged trace is also reported on stderr.
int comparison_status(const Comparison& comparison);

}  // namespace anonvma::cmd
