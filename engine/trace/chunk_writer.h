// The container's side of writing: numbers, checksums, the index, the end. TraceWriter fills the
// chunks; `repair` copies them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/trace/chunk.h"

namespace anonvma {

// A payload in its stored form.
struct Payload {
  std::span<const std::byte> stored;
  std::uint32_t raw_bytes = 0;
  format::ChunkCodec codec = format::kStored;
};

class ChunkWriter {
 public:
  // Gets each chunk whole, in file order. Every later call returns the first error of the sink.
  using Sink = std::function<Status(std::span<const std::byte>)>;

  explicit ChunkWriter(Sink sink) : sink_(std::move(sink)) {}

  // Writes the file header and the header chunk.
  Status start(std::uint32_t compat, std::string_view meta_json);
  Status events_chunk(const Payload& payload, std::uint32_t event_count);
  // Writes a chunk of a kind that this program does not know, unchanged.
  Status unknown_chunk(std::uint8_t kind, std::uint8_t codec, const Payload& payload);
  // Writes the end chunk and the footer, and fills in the totals: events, chunks, bytes.
  Status finish(EndInfo end);

  std::uint64_t events() const { return events_; }  // in chunks written
  std::uint64_t bytes() const { return bytes_; }    // handed to the sink so far
  const std::optional<Error>& failure() const { return failure_; }

 private:
  Status fail(Error error);
  Status write();
  Status put(format::ChunkHeader header, const Payload& payload);
  void add_to_index();

  Sink sink_;
  std::vector<std::byte> buffer_;  // bytes for the next call of the sink
  std::uint32_t sequence_ = 0;
  std::uint64_t events_ = 0, bytes_ = 0, raw_bytes_ = 0;
  std::optional<Error> failure_;
  TraceHash hash_;
  // The footer's entries: every stride-th events chunk.
  std::vector<format::IndexEntry> index_;
  std::uint32_t stride_ = 1;
  std::uint64_t events_chunks_ = 0;
};

}  // namespace anonvma
