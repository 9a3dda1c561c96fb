// Reads the container of traces/FORMAT.md from bytes in memory (a mapped file), all of which may not be
// there yet (a pipe). It trusts no length
// and no id in the file, and never allocates in proportion to an unchecked number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/result.h"
#include "engine/trace/event.h"
#include "engine/trace/meta.h"

namespace anonvma {

// Bytes of a trace that grows while it is read: waits until `wanted` bytes are there or the trace ends,
// and returns all that are there. The bytes before `from` are not used any more.
using MoreBytes =
    std::function<Result<std::span<const std::byte>>(std::uint64_t from, std::uint64_t wanted)>;
// Called now and then with the number of events and bytes that were read.
using ReadProgress = std::function<void(std::uint64_t events, std::uint64_t bytes)>;

class TraceReader {
 public:
  // Checks magic, version, feature bits and the header chunk. `bytes` must outlive the reader.
  static Result<TraceReader> open(std::span<const std::byte> bytes);
  // The same of a trace that grows. There is no jumping in it, and end() comes with the end.
  static Result<TraceReader> open_live(MoreBytes more);
  TraceReader(TraceReader&&) noexcept;
  TraceReader& operator=(TraceReader&&) noexcept;
  ~TraceReader();

  // A second reader of the same bytes, from their beginning. `more` has to give them again.
  Result<TraceReader> again() const;

  const Meta& meta() const;
  std::uint64_t bytes() const;       // size of the file, as far as it is there
  std::uint64_t bytes_read() const;  // of them, up to the last event that next() gave
  bool is_live() const;              // opened by open_live()
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
