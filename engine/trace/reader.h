// Reads the container of traces/FORMAT.md from bytes in memory (a mapped file). Trusts no length
// and no id it finds there; never allocates in proportion to a number it has not checked.
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
  std::uint64_t bytes() const;  // of the file
  // The next chunk's events, empty after the last; valid until the next call. After an error the
  // events before it stay good, and every further call gives the same error: a file cut short is
  // the error "file ends inside a chunk" or "file has no end chunk".
  Result<std::span<const Event>> next();
  // Present once next() has come to the clean end, or at once when the footer index is intact.
  const std::optional<EndInfo>& end() const;
  // XXH3-64 over the chunk CRCs read so far: the trace's hash once the end is reached. 16 hex
  // digits.
  std::string hash() const;
  std::uint64_t chunks() const;   // of every kind, read so far
  std::uint64_t skipped() const;  // records and chunks of kinds newer than this reader

 private:
  struct State;
  explicit TraceReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace anonvma
