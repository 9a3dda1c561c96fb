// Reads the container of traces/FORMAT.md from bytes in memory (a mapped file). It trusts no length
// and no id in the file, and never allocates in proportion to an unchecked number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/result.h"
#include "engine/trace/event.h"
#include "engine/trace/meta.h"

namespace anonvma {

class TraceReader {
 public:
  // Checks magic, version, feature bits and the header chunk. `bytes` must outlive the reader.
  static Result<TraceReader> open(std::span<const std::byte> bytes);
  TraceReader(TraceReader&&) noexcept;
  TraceReader& operator=(TraceReader&&) noexcept;
  ~TraceReader();

  // A second reader of the same bytes, from their beginning.
  Result<TraceReader> again() const;

  const Meta& meta() const;
  std::uint64_t bytes() const;  // size of the file
  // The next chunk's events, empty after the last; valid until the next call. After an error the
  // events before it stay good, and every further call gives the same error. A file cut short gives
  // "file ends inside a chunk" or "file has no end chunk".
  Result<std::span<const Event>> next();
  // Moves by the footer's index to the event `index`, or to the beginning of an earlier chunk;
  // position() tells where. If the index is missing or damaged, the result is false and the reader
  // does not move. hash() is invalid after a jump.
  bool seek_event(std::uint64_t index);
  // The same for the last indexed place whose first event is not later than `time_ns`.
  bool seek_time(std::uint64_t time_ns);
  // Index of the first event that next() gives.
  std::uint64_t position() const;
  // Present once next() has reached the clean end, or at once when the footer index is intact.
  const std::optional<EndInfo>& end() const;
  // XXH3-64 over the chunk CRCs read so far, 16 hex digits: at the end, the trace's hash.
  std::string hash() const;
  std::uint64_t chunks() const;   // of every kind, read so far
  std::uint64_t skipped() const;  // records and chunks of kinds newer than this reader
  std::uint64_t skipped_chunks() const;
  std::uint64_t skipped_records() const;
  std::uint32_t compat() const;  // all bits of the file, known or not

 private:
  struct State;
  explicit TraceReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace anonvma
