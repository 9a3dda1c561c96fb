// A recording: attaches, drains until a signal, the duration or the command's end, and finishes the
// file.
#pragma once

#include "cmd/record/options.h"
#include "engine/result.h"

namespace anonvma::cmd {

// The exit status, or the error that ended the recording.
Result<int> record(const RecordOptions& options);

}  // namespace anonvma::cmd
