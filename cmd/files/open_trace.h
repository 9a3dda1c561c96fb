// Opens a trace for reading: a file, or a pipe while something is still written into it.
#pragma once

#include <string>
#include <utility>

#include "cmd/files/mapped_file.h"
#include "engine/result.h"
#include "engine/trace/reader.h"

namespace anonvma::cmd {

struct OpenTrace {
  MappedFile file;  // the reader refers to it
  TraceReader reader;
  std::uint64_t total_bytes = 0;  // 0: not known yet, as in Advance
};

// An error names the file. A pipe is kept for a second reader (`twice`), or not.
Result<OpenTrace> open_trace(const std::string& path, ReadTimes times);

}  // namespace anonvma::cmd
