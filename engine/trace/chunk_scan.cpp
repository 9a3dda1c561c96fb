#include "engine/trace/chunk_scan.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace anonvma {

ChunkScan::ChunkScan(std::span<const std::byte> file)
    : file_(file),
      offset_(std::min<std::uint64_t>(sizeof(format::FileHeader), file.size())),
      budget_(file.size() + 16 * std::uint64_t{format::kMaxChunkBytes}) {}

std::optional<Piece> ChunkScan::next() {
  if (found_) {
    Piece piece{*std::exchange(found_, std::nullopt), offset_, 0};
    piece.bytes = piece.chunk->next_offset() - offset_;
    offset_ += piece.bytes;
    number_ = piece.chunk->header.sequence + 1u;
    return piece;
  }
  if (offset_ == file_.size()) return std::nullopt;
  const Result<Chunk> chunk = read_chunk(file_, offset_, number_);
  if (chunk) {
    found_ = *chunk;
    return next();
  }
  Piece gap{{}, offset_, 0, chunk.error().message};
  offset_ = resynchronise(offset_ + 1);
  gap.bytes = offset_ - gap.offset;
  return gap;
}

// Returns the offset of the next whole chunk, or of the end of the file.
std::uint64_t ChunkScan::resynchronise(std::uint64_t from) {
  const std::string_view text(reinterpret_cast<const char*>(file_.data()), file_.size());
  const std::string_view magic(format::kChunkMagic.data(), format::kChunkMagic.size());
  for (std::uint64_t at = from; (at = text.find(magic, at)) != text.npos; ++at) {
    const Result<Chunk> chunk = read_chunk(file_, at, 0);
    if (chunk) {
      found_ = *chunk;
      return at;
    }
    if (file_.size() - at < sizeof(format::ChunkHeader)) break;
    format::ChunkHeader header;
    std::memcpy(&header, &file_[at], sizeof header);
    if (budget_ < header.stored_bytes) break;
    if (header.stored_bytes <= format::kMaxChunkBytes) budget_ -= header.stored_bytes;
  }
  return file_.size();
}

}  // namespace anonvma
