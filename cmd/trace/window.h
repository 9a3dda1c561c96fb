// The part of a trace that a subcommand is asked for.
#pragma once

#include <optional>

#include "cmd/cli.h"

namespace anonvma::cmd {

// --from and --to.
void add_window(const Subcommand& command, std::optional<double>& from_s,
                std::optional<double>& to_s);

}  // namespace anonvma::cmd
