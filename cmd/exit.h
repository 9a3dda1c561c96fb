// The exit statuses of all subcommands.
#pragma once

#include "engine/result.h"

namespace anonvma::cmd {

// The contract of cmd/README.md; the first that applies.
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
// "anonvma: <message>" on stderr, with the offset when there is one; returns exit_status(code).
int fail(const Error& error);

}  // namespace anonvma::cmd
