// Finds every whole chunk of a file, whatever lies between them. After a break in the chain of
// chunks, the scan looks for the next magic with a right checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "engine/trace/chunk.h"

namespace anonvma {

// A chunk, or bytes that belong to none.
struct Piece {
  std::optional<Chunk> chunk;
  std::uint64_t offset = 0, bytes = 0;
  std::string what{};  // without a chunk: the reason
};

class ChunkScan {
 public:
  // The first piece begins after the file header, or where the file ends.
  explicit ChunkScan(std::span<const std::byte> file);
  // The next piece, in file order; nullopt at the end of the file.
  std::optional<Piece> next();

 private:
  std::uint64_t resynchronise(std::uint64_t from);

  std::span<const std::byte> file_;
  std::uint64_t offset_;
  std::uint64_t number_ = 0;  // expected number of the next chunk, for messages
  // Bytes that may still be checksummed for magics without a chunk. Honest files need next to none.
  // A file made of magics alone would otherwise cost 16 MiB for each of them.
  std::uint64_t budget_;
  std::optional<Chunk> found_;  // the result of resynchronise()
};

}  // namespace anonvma
