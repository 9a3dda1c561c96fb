// The options that subcommands which print a table share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/cli.h"
#include "engine/report/render.h"

namespace anonvma::cmd {

struct TableOptions {
  ReportOptions report;
  std::string rules;  // empty: the recording kernel's
  bool era_accurate = false;
  std::vector<std::string> objsizes;  // CACHE=BYTES
  bool slub = false;                  // model the slabs that SLUB would hold
  bool check_reach = false;
  std::optional<double> at_s;
  unsigned threads = 0;
  bool no_limits = false;  // of what a trace may ask for
  std::string command;     // the command line, for the footer
};

void add_table_options(const Subcommand& command, TableOptions& options);
// --no-limits alone.
void add_no_limits(const Subcommand& command, bool& no_limits);

}  // namespace anonvma::cmd
