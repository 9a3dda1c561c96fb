// The options for a part of a trace.
#pragma once

#include <optional>

#include "cmd/cli.h"

namespace anonvma::cmd {

// Adds --from and --to.
void add_window(const Subcommand& command, std::optional<double>& from_s,
                std::optional<double>& to_s);

}  // namespace anonvma::cmd
