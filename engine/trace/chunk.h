// Single chunks of traces/FORMAT.md at any place of a file: the part that the reader, `check`
// and `repair` share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/trace/format.h"
#include "engine/trace/meta.h"

struct XXH3_state_s;

namespace anonvma {

// One whole chunk whose checksum is right. `payload` is as stored.
struct Chunk {
  format::ChunkHeader header;
  std::span<const std::byte> payload;
  std::uint64_t offset = 0;

  std::uint64_t next_offset() const { return offset + sizeof header + payload.size(); }
  // bad_trace at its offset: "chunk N: what".
  Error error(std::string_view what) const;
};

// Checks magic, checksum, version and feature bits of the file's first 24 bytes.
Result<format::FileHeader> read_file_header(std::span<const std::byte> file);

// The chunk at `offset`, which is within the file. `number` is the chunk's position in the file; a
// damaged header has no usable number of its own.
Result<Chunk> read_chunk(std::span<const std::byte> file, std::uint64_t offset,
                         std::uint64_t number);

std::uint32_t crc_of(std::uint32_t crc, std::span<const std::byte> bytes);

// The payload of a chunk that must be stored as it is.
Result<std::span<const std::byte>> stored_payload(const Chunk& chunk);
Result<Meta> read_meta(const Chunk& chunk);
Result<EndInfo> read_end_info(const Chunk& chunk);

// Undoes a chunk's codec. The result is valid until the next call.
class ChunkDecoder {
 public:
  ChunkDecoder();
  ChunkDecoder(ChunkDecoder&&) noexcept;
  ChunkDecoder& operator=(ChunkDecoder&&) noexcept;
  ~ChunkDecoder();

  Result<std::span<const std::byte>> decode(const Chunk& chunk);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// XXH3-64 over the checksums of all chunks but the footer: the hash of a trace.
class TraceHash {
 public:
  TraceHash();
  TraceHash(TraceHash&&) noexcept;
  TraceHash& operator=(TraceHash&&) noexcept;
  ~TraceHash();

  void add(const format::ChunkHeader& header);
  std::uint64_t value() const;

 private:
  struct Deleter {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Deleter> state_;
};

// The content of a footer. Its sizes are checked, its statements about the file are not.
struct Footer {
  format::FooterHead head;
  std::vector<format::IndexEntry> index;
  std::optional<std::uint64_t> hash;  // early writers had none
  std::uint64_t offset = 0;           // of the footer chunk, as its tail says
};
Result<Footer> parse_footer(const Chunk& chunk);

// Checks that the entries point at events chunks of the file, and that their number is right.
Status check_index(std::span<const std::byte> file, const Footer& footer,
                   std::uint64_t events_chunks);

// The footer chunk, found from the end of the file.
std::optional<Chunk> find_footer(std::span<const std::byte> file);

}  // namespace anonvma
