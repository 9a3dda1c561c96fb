// A recording that stays in memory, for commands that look at it at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/record/output.h"
#include "engine/trace/writer.h"

namespace anonvma::cmd {

class MemoryOutput final : public RecordingOutput {
 public:
  // It ends the recording when the trace has `most_bytes`.
  explicit MemoryOutput(std::uint64_t most_bytes) : most_bytes_(most_bytes) {}

  // The whole trace, once it is finished.
  std::vector<std::byte> take() { return std::move(trace_); }

  Status begin_part(const Meta& meta, std::uint64_t now_ns) override;
  Status add(std::uint64_t part, const Event& event) override;
  Status end_part(const EndInfo& end, std::uint64_t now_ns) override;
  Status finish() override { return ok(); }
  Status tick(std::uint64_t) override { return ok(); }
  bool wants_part(std::uint64_t) const override { return false; }
  bool full() const override { return trace_.size() >= most_bytes_; }
  std::uint64_t events() const override { return writer_ ? writer_->events() : 0; }
  std::uint64_t bytes() const override { return trace_.size(); }
  std::string written() const override { return "in memory"; }

 private:
  std::uint64_t most_bytes_;
  std::vector<std::byte> trace_;
  std::optional<TraceWriter> writer_;
};

}  // namespace anonvma::cmd
