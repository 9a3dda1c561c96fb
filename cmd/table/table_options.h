// Options that all subcommands with a table have.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/cli.h"
#include "cmd/screen.h"
#include "engine/report/render.h"

namespace anonvma::cmd {

struct TableOptions {
  ReportOptions report{.format = Format::brief};
  ScreenOptions screen;
  std::string rules;  // empty: the recording kernel's
  bool era_accurate = false;
  std::vector<std::string> objsizes;  // CACHE=BYTES
  bool slub = false;                  // model the slabs of SLUB
  bool check_reach = false;
  bool timeline = false;  // objects over time; no option of a table
  bool family = false;    // look at the largest family
  std::optional<double> at_s;
  unsigned threads = 0;
  bool no_limits = false;  // on the memory and time that a trace may need
  std::string command;     // the command line, for the footer
};

// Returns the options that say what is printed, and not how the trace is replayed.
std::vector<Option> add_table_options(const Subcommand& command, TableOptions& options,
                                      const std::string& full_means);
// The report that the options ask for, on the screen as it is now.
ReportOptions report_of(const TableOptions& options);
// Adds only the options of the replay.
void add_replay_options(const Subcommand& command, TableOptions& options);
// Adds --strategies.
void add_strategies(const Subcommand& command, std::string& strategies);
// Adds --strategies and --baseline. `own` names the baseline without the option.
void add_strategies(const Subcommand& command, std::string& strategies, std::string& baseline,
                    const std::string& own = "the recording kernel's own");
// Adds only --no-limits.
void add_no_limits(const Subcommand& command, bool& no_limits);

}  // namespace anonvma::cmd
