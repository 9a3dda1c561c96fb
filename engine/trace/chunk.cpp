#include "engine/trace/chunk.h"

#include <fmt/format.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace anonvma {
namespace {

using Bytes = std::span<const std::byte>;

// The smallest block of zstd has a header of three bytes and one byte to repeat. The largest output
// of a block is kMostZstdBlock (RFC 8878, 3.1.1.2).
constexpr std::size_t kLeastZstdBlock = 4, kMostZstdBlock = 128 << 10;

struct ContextDeleter {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

template <class T>
T read_struct(Bytes bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

Error bad_at(std::uint64_t offset, std::string message) {
  return {ErrorCode::bad_trace, std::move(message), offset};
}

Error bad_file(std::string message) {
  return {ErrorCode::bad_trace, std::move(message), Error::kNoOffset};
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::uint32_t crc_of(std::uint32_t crc, Bytes bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

Error Chunk::error(std::string_view what) const {
  return bad_at(offset, fmt::format("chunk {}: {}", header.sequence, what));
}

Result<Chunk> read_chunk(Bytes file, std::uint64_t offset, std::uint64_t number) {
  Chunk chunk{.header = {}, .payload = {}, .offset = offset};
  Bytes rest = file.subspan(offset);
  const std::size_t magic_bytes = std::min(rest.size(), format::kChunkMagic.size());
  if (std::memcmp(rest.data(), format::kChunkMagic.data(), magic_bytes) != 0)
    return bad_at(offset, fmt::format("chunk {}: does not begin with a chunk's magic", number));
  if (rest.size() < sizeof chunk.header) return bad_at(offset, "file ends inside a chunk");
  chunk.header = read_struct<format::ChunkHeader>(rest);
  const format::ChunkHeader& header = chunk.header;
  if (std::max(header.stored_bytes, header.raw_bytes) > format::kMaxChunkBytes ||
      header.event_count > format::kMaxChunkEvents)
    return bad_at(offset, fmt::format("chunk {}: size is over the limit", number));
  rest = rest.subspan(sizeof header);
  if (header.stored_bytes > rest.size()) return bad_at(offset, "file ends inside a chunk");
  chunk.payload = rest.first(header.stored_bytes);
  const std::uint32_t crc = crc_of(0, file.subspan(offset, offsetof(format::ChunkHeader, crc)));
  if (crc_of(crc, chunk.payload) != header.crc)
    return bad_at(offset, fmt::format("chunk {}: checksum differs", number));
  return chunk;
}

Result<format::FileHeader> read_file_header(Bytes file) {
  if (file.empty()) return bad_file("file is empty");
  const std::size_t magic_bytes = std::min(file.size(), format::kFileMagic.size());
  if (std::memcmp(file.data(), format::kFileMagic.data(), magic_bytes) != 0)
    return bad_file("not an anonvma trace");
  if (file.size() < sizeof(format::FileHeader)) return bad_at(0, "file ends inside its header");
  const auto header = read_struct<format::FileHeader>(file);
  if (crc_of(0, file.first(offsetof(format::FileHeader, crc))) != header.crc)
    return bad_at(0, "file header: checksum differs");
  if (header.version > format::kVersion)
    return bad_file(
        fmt::format("format version {} is newer than this program reads ({}): "
                    "update anonvma",
                    header.version, format::kVersion));
  if (header.version == 0) return bad_file("format version 0 does not exist");
  if (const std::uint32_t unknown = header.incompat & ~format::kKnownIncompat)
    return bad_file(
        fmt::format("file needs features that this program does not know ({:#x}): "
                    "update anonvma",
                    unknown));
  return header;
}

// A compressed header or end chunk could expand without bound.
Result<Bytes> stored_payload(const Chunk& chunk) {
  if (chunk.header.codec != format::kStored) return chunk.error("is compressed, and must not be");
  if (chunk.payload.size() != chunk.header.raw_bytes)
    return chunk.error("sizes contradict each other");
  return chunk.payload;
}

struct ChunkDecoder::State {
  std::vector<std::byte> raw;
  std::unique_ptr<ZSTD_DCtx, ContextDeleter> zstd;  // made for the first chunk that needs it
};

ChunkDecoder::ChunkDecoder() : state_(std::make_unique<State>()) {}
ChunkDecoder::ChunkDecoder(ChunkDecoder&&) noexcept = default;
ChunkDecoder& ChunkDecoder::operator=(ChunkDecoder&&) noexcept = default;
ChunkDecoder::~ChunkDecoder() = default;

Result<Bytes> ChunkDecoder::decode(const Chunk& chunk) {
  const std::size_t size = chunk.header.raw_bytes;
  if (chunk.header.codec == format::kStored) return stored_payload(chunk);
  if (chunk.header.codec != format::kZstd) return chunk.error("codec is not known");
  // The header's size is not trusted: memory is allocated only for a size that the
  // payload can have.
  if (size > (chunk.payload.size() / kLeastZstdBlock + 1) * kMostZstdBlock)
    return chunk.error("does not decompress to its size");
  if (!state_->zstd) state_->zstd.reset(ZSTD_createDCtx());
  std::vector<std::byte>& raw = state_->raw;
  if (raw.size() < size) raw.resize(size);
  const std::size_t got = ZSTD_decompressDCtx(state_->zstd.get(), raw.data(), size,
                                              chunk.payload.data(), chunk.payload.size());
  if (ZSTD_isError(got) || got != size) return chunk.error("does not decompress to its size");
  return Bytes(raw).first(size);
}

Result<Meta> read_meta(const Chunk& chunk) {
  if (chunk.header.kind != format::kHeaderChunk) return chunk.error("is not the header");
  const Result<Bytes> json = stored_payload(chunk);
  if (!json) return json.error();
  Result<Meta> meta = parse_meta(text_of(*json));
  if (!meta) return chunk.error(meta.error().message);
  return meta;
}

Result<EndInfo> read_end_info(const Chunk& chunk) {
  const Result<Bytes> json = stored_payload(chunk);
  if (!json) return json.error();
  Result<EndInfo> info = parse_end_info(text_of(*json));
  if (!info) return chunk.error(info.error().message);
  return info;
}

void TraceHash::Deleter::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }

TraceHash::TraceHash() : state_(XXH3_createState()) { XXH3_64bits_reset(state_.get()); }
TraceHash::TraceHash(TraceHash&&) noexcept = default;
TraceHash& TraceHash::operator=(TraceHash&&) noexcept = default;
TraceHash::~TraceHash() = default;

void TraceHash::add(const format::ChunkHeader& header) {
  if (header.kind != format::kFooterChunk)
    XXH3_64bits_update(state_.get(), &header.crc, sizeof header.crc);
}
std::uint64_t TraceHash::value() const { return XXH3_64bits_digest(state_.get()); }

Result<Footer> parse_footer(const Chunk& chunk) {
  constexpr std::size_t kFixed = sizeof(format::FooterHead) + sizeof(format::FooterTail);
  if (chunk.header.codec != format::kStored || chunk.payload.size() < kFixed)
    return chunk.error("footer is malformed");
  Footer footer;
  footer.head = read_struct<format::FooterHead>(chunk.payload);
  const auto tail = read_struct<format::FooterTail>(chunk.payload.last(sizeof(format::FooterTail)));
  if (tail.magic != format::kEndMagic) return chunk.error("footer is malformed");
  footer.offset = tail.footer_offset;
  Bytes rest = chunk.payload.subspan(sizeof footer.head, chunk.payload.size() - kFixed);
  const std::size_t entries = footer.head.entries;
  if (entries > format::kMaxIndexEntries || entries * sizeof(format::IndexEntry) > rest.size())
    return chunk.error("footer is malformed");
  footer.index.resize(entries);
  if (entries != 0)
    std::memcpy(footer.index.data(), rest.data(), entries * sizeof(format::IndexEntry));
  rest = rest.subspan(entries * sizeof(format::IndexEntry));
  if (rest.size() >= sizeof(std::uint64_t)) footer.hash = read_struct<std::uint64_t>(rest);
  return footer;
}

Status check_index(Bytes file, const Footer& footer, std::uint64_t events_chunks) {
  const std::uint64_t stride = footer.head.stride;
  if (stride == 0) return bad_at(footer.offset, "index has the stride 0");
  const std::uint64_t entries = events_chunks / stride + (events_chunks % stride != 0 ? 1 : 0);
  if (footer.index.size() != entries)
    return bad_at(footer.offset,
                  fmt::format("index has {} entries instead of {}", footer.index.size(), entries));
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < footer.index.size(); ++i) {
    const format::IndexEntry& entry = footer.index[i];
    format::ChunkHeader header;
    bool good = entry.offset > before && entry.offset < file.size() &&
                file.size() - entry.offset >= sizeof header;
    if (good) {
      header = read_struct<format::ChunkHeader>(file.subspan(entry.offset));
      good = header.magic == format::kChunkMagic && header.kind == format::kEventsChunk &&
             header.first_event == entry.first_event;
    }
    if (!good)
      return bad_at(footer.offset, fmt::format("index entry {} points at no chunk of event {}", i,
                                               entry.first_event));
    before = entry.offset;
  }
  return ok();
}

std::optional<Chunk> find_footer(Bytes file) {
  if (file.size() < sizeof(format::FooterTail)) return std::nullopt;
  const auto tail = read_struct<format::FooterTail>(file.last(sizeof(format::FooterTail)));
  if (tail.magic != format::kEndMagic || tail.footer_offset >= file.size()) return std::nullopt;
  const Result<Chunk> footer = read_chunk(file, tail.footer_offset, 0);
  if (!footer || footer->header.kind != format::kFooterChunk ||
      footer->next_offset() != file.size())
    return std::nullopt;
  return *footer;
}

}  // namespace anonvma
