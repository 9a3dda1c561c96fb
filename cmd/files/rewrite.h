// A trace made from another one: the file it goes to, and the writer.
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

class Rewrite {
 public:
  // Creates `output` as OutputFile does. The source is read until the end: with --force, too, it
  // may not be the output.
  static Result<Rewrite> create(const std::string& source, const std::string& output, bool force,
                                const Meta& meta);

  Status add(const Event& event) { return writer_->add(event); }
  // The end chunk, where `end` is there, and the file is closed. Without it the copy is as cut
  // short as the source was.
  Status finish(const std::optional<EndInfo>& end);

  std::uint64_t events() const { return writer_->events(); }
  std::uint64_t bytes() const { return writer_->bytes(); }

 private:
  explicit Rewrite(OutputFile file) : file_(std::make_unique<OutputFile>(std::move(file))) {}
  std::unique_ptr<OutputFile> file_;  // the writer's sink refers to it
  std::optional<TraceWriter> writer_;
};

// Hands every event of the trace to `use`, in order, which may stop it with an error. The reader's
// own error, behind the events before it, is returned apart in `damage`.
Status each_event(TraceReader& reader, std::optional<Error>& damage,
                  const std::function<Status(const Event&)>& use);

// A copy cannot carry what this program does not know; says so on stderr when there was any.
void warn_of_skipped(const std::string& source, std::uint64_t skipped);

}  // namespace anonvma::cmd
