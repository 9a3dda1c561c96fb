// Writes the container of traces/FORMAT.md in whole chunks: bytes that reached the sink are
// readable whatever happens to the process afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "engine/result.h"
#include "engine/trace/event.h"
#include "engine/trace/meta.h"

namespace anonvma {

class TraceWriter {
 public:
  // Gets each chunk whole, in file order. An error of the sink stops the writer, and the call that
  // caused it returns the error.
  using Sink = std::function<Status(std::span<const std::byte>)>;

  // Writes the header chunk at once.
  static Result<TraceWriter> create(Sink sink, const Meta& meta);
  TraceWriter(TraceWriter&&) noexcept;
  TraceWriter& operator=(TraceWriter&&) noexcept;
  ~TraceWriter();  // does not finish(): a file without an end chunk was cut short

  Status add(const Event& event);
  // Closes the current chunk, if it holds any event. Called about once a second, so that little is
  // lost with the process.
  Status flush();
  // Flushes, then writes the end chunk and the footer index. `end.events` is filled in.
  Status finish(EndInfo end);

  std::uint64_t events() const;
  std::uint64_t bytes() const;  // handed to the sink so far

 private:
  struct State;
  explicit TraceWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace anonvma
