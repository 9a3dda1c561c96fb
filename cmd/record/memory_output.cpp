#include "cmd/record/memory_output.h"

namespace anonvma::cmd {

Status MemoryOutput::begin_part(const Meta& meta, std::uint64_t) {
  const auto append = [this](std::span<const std::byte> bytes) {
    trace_.insert(trace_.end(), bytes.begin(), bytes.end());
    return ok();
  };
  Result<TraceWriter> writer = TraceWriter::create(append, meta);
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  return ok();
}

Status MemoryOutput::add(std::uint64_t, const Event& event) { return writer_->add(event); }

Status MemoryOutput::end_part(const EndInfo& end, std::uint64_t) { return writer_->finish(end); }

}  // namespace anonvma::cmd
