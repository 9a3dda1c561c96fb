// `top` in progress: attaches, replays what comes, and shows it, until a signal, a key, the number of
// intervals or the command's end.
#pragma once

#include "cmd/top/options.h"
#include "engine/result.h"

namespace anonvma::cmd {

// The exit status, or the error that ended it.
Result<int> top(const TopOptions& options);

}  // namespace anonvma::cmd
