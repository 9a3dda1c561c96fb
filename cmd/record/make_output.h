// Makes the output of a recording from the options of `record`.
#pragma once

#include <memory>

#include "cmd/record/options.h"
#include "cmd/record/output.h"
#include "engine/result.h"

namespace anonvma::cmd {

Result<std::unique_ptr<RecordingOutput>> make_output(const RecordOptions& options);

}  // namespace anonvma::cmd
