// A recording: attaches, drains until a signal, the duration or the command's end, and finishes the
// file.
#pragma once

#include "cmd/record/options.h"
#include "cmd/record/output.h"
#include "engine/result.h"

namespace anonvma::cmd {

// The exit status, or the error that ended the recording.
Result<int> record(const RecordOptions& options);
// The same with an output of the caller's.
Result<int> record_into(RecordingOutput& output, const RecordOptions& options);

}  // namespace anonvma::cmd
