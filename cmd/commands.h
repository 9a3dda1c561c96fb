// The subcommands. Each add_ function is in a file of its own, with everything else of that
// subcommand.
#pragma once

#include "cmd/cli.h"

namespace anonvma::cmd {

#define COMMAND(id) void add_##id(CommandLine& line);
#include "cmd/commands.def"
#undef COMMAND

}  // namespace anonvma::cmd
