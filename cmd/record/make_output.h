// The options of `record` made into the place where the recording goes.
#pragma once

#include <memory>

#include "cmd/record/options.h"
#include "cmd/record/output.h"
#include "engine/result.h"

namespace anonvma::cmd {

Result<std::unique_ptr<RecordingOutput>> make_output(const RecordOptions& options);

}  // namespace anonvma::cmd
