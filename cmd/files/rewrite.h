// A trace made from another trace: its output file and its writer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cmd/files/output_file.h"
#include "engine/result.h"
#include "engine/trace/reader.h"
#include "engine/trace/writer.h"

namespace anonvma::cmd {

// An error if `output` is the source: it may never be, not even with --force, as the source is still to
// be read.
Status is_not_source(const std::string& output, const std::string& source);

class Rewrite {
 public:
  // Creates `output` as OutputFile does. It may not be the source.
  static Result<Rewrite> create(const std::string& source, const std::string& output, bool force,
                                const Meta& meta);

  Status add(const Event& event) { return writer_->add(event); }
  // Writes the end chunk, if there is an `end`, and closes the file. Without `end` the copy is cut
  // short, as its source was.
  Status finish(const std::optional<EndInfo>& end);

  std::uint64_t events() const { return writer_->events(); }
  std::uint64_t bytes() const { return writer_->bytes(); }

 private:
  explicit Rewrite(OutputFile file) : file_(std::make_unique<OutputFile>(std::move(file))) {}
  std::unique_ptr<OutputFile> file_;  // the writer's sink refers to it
  std::optional<TraceWriter> writer_;
};

// Passes every event of the trace to `use`, in order. An error of `use` ends this and is returned.
// An error of the reader ends the events and is stored in `damage`. `progress` is called after each
// chunk.
Status each_event(TraceReader& reader, std::optional<Error>& damage,
                  const std::function<Status(const Event&)>& use,
                  const ReadProgress& progress = {});

// Warns on stderr if records were skipped: records unknown to this program cannot be copied.
void warn_of_skipped(const std::string& source, std::uint64_t skipped);

}  // namespace anonvma::cmd
