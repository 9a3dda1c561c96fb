// The options that say which processes are recorded, and for how long.
#pragma once

#include <string>

#include "cmd/cli.h"
#include "cmd/record/options.h"
#include "engine/result.h"

namespace anonvma::cmd {

// Adds --pid and --cgroup.
void add_whom(const Subcommand& command, RecordOptions& options);
// Adds --duration.
Option add_duration(const Subcommand& command, RecordOptions& options, const std::string& meaning);
// Adds --ring-mib.
void add_ring_size(const Subcommand& command, RecordOptions& options);
// Fails if the options, or the command, exclude each other.
Status check_whom(const RecordOptions& options);

}  // namespace anonvma::cmd
