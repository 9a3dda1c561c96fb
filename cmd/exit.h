// The exit statuses of all subcommands.
#pragma once

#include "engine/result.h"

namespace anonvma::cmd {

// The statuses of cmd/README.md. The first that applies there is returned.
enum ExitStatus : int {
  kOk = 0,
  kFinding = 1,
  kUsage = 2,
  kEventsLost = 3,
  kBadTrace = 65,
  kNotSupported = 69,
  kIoError = 74,
  kNoPrivilege = 77,
  kInterrupted = 130,
};
int exit_status(ErrorCode code);
// Prints "anonvma: <message>" to stderr, with the offset if there is one. Returns
// exit_status(code).
int fail(const Error& error);

}  // namespace anonvma::cmd
