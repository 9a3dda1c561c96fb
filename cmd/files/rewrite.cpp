#include "cmd/files/rewrite.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace anonvma::cmd {

Status is_not_source(const std::string& output, const std::string& source) {
  std::error_code none;
  if (!std::filesystem::equivalent(source, output, none)) return ok();
  return Error{ErrorCode::usage,
               fmt::format("{}: is the source itself: choose another name for the output", output)};
}

Result<Rewrite> Rewrite::create(const std::string& source, const std::string& output, bool force,
                                const Meta& meta) {
  if (const Status other = is_not_source(output, source); !other) return other.error();
  Result<OutputFile> file = OutputFile::create(output, force);
  if (!file) return file.error();
  Rewrite rewrite(std::move(*file));
  OutputFile* const sink = rewrite.file_.get();
  Result<TraceWriter> writer = TraceWriter::create(
      [sink](std::span<const std::byte> bytes) { return sink->write(bytes); }, meta);
  if (!writer) return writer.error();
  rewrite.writer_.emplace(std::move(*writer));
  return rewrite;
}

Status Rewrite::finish(const std::optional<EndInfo>& end) {
  if (const Status status = end ? writer_->finish(*end) : writer_->flush(); !status) return status;
  return file_->close();
}

Status each_event(TraceReader& reader, std::optional<Error>& damage,
                  const std::function<Status(const Event&)>& use, const ReadProgress& progress) {
  for (;;) {
    const auto events = reader.next();
    if (!events) damage = events.error();
    if (!events || events->empty()) return ok();
    for (const Event& event : *events)
      if (const Status status = use(event); !status) return status;
    if (progress) progress(reader.position(), reader.bytes_read());
  }
}

void warn_of_skipped(const std::string& source, std::uint64_t skipped) {
  if (skipped > 0)
    spdlog::warn("{}: {} records of kinds newer than this program are not in the copy", source,
                 skipped);
}

}  // namespace anonvma::cmd
