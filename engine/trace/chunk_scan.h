// Every whole chunk of a file, whatever lies between them. Where the chain of chunks breaks, the
// next one is looked for by its magic and its checksum.
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
  std::string what{};  // without a chunk: why there is none
};

class ChunkScan {
 public:
  // Begins behind the file header, or where the file ends.
  explicit ChunkScan(std::span<const std::byte> file);
  // The next piece, in file order; nothing at the end of the file.
  std::optional<Piece> next();

 private:
  std::uint64_t resynchronise(std::uint64_t from);

  std::span<const std::byte> file_;
  std::uint64_t offset_;
  std::uint64_t number_ = 0;  // of the chunk that should come, for messages
  // Bytes that may still be summed up for magics behind which no chunk was. Honest files need next
  // to none; one made of magics alone would otherwise cost 16 MiB for each.
  std::uint64_t budget_;
  std::optional<Chunk> found_;  // by resynchronise()
};

}  // namespace anonvma
