#include "engine/trace/reader.h"

#include <fmt/format.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/trace/columns.h"
#include "engine/trace/format.h"

namespace anonvma {
namespace {

using Bytes = std::span<const std::byte>;

// A block of zstd takes a header of three bytes and one byte, if it repeats that, and gives at most
// so many (RFC 8878, 3.1.1.2).
constexpr std::size_t kLeastZstdBlock = 4, kMostZstdBlock = 128 << 10;

struct ContextDeleter {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

template <class T>
T read_struct(Bytes bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::uint32_t crc_of(std::uint32_t crc, Bytes bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
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

// One whole chunk whose checksum is right. `payload` is as stored.
struct Chunk {
  format::ChunkHeader header;
  Bytes payload;
  std::uint64_t offset = 0;
  std::uint64_t next_offset() const { return offset + sizeof header + payload.size(); }
  Error error(std::string_view what) const {
    return bad_at(offset, fmt::format("chunk {}: {}", header.sequence, what));
  }
};

// `number` is what the chunk's position in the file makes it: a damaged header's own is no use.
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

Status check_file_header(Bytes file) {
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
  return ok();
}

}  // namespace

struct TraceReader::State {
  Bytes file;
  Meta meta;
  std::optional<EndInfo> end;
  std::optional<Error> failure;
  bool seen_end = false, done = false;
  std::uint64_t offset = sizeof(format::FileHeader);  // of the next chunk
  std::uint64_t chunks = 0, events = 0, skipped_chunks = 0;
  std::uint64_t end_offset = 0;
  ColumnDecoder columns;
  std::vector<std::byte> raw;
  std::unique_ptr<ZSTD_DCtx, ContextDeleter> zstd;  // made for the first chunk that needs it
  std::unique_ptr<XXH3_state_t, ContextDeleter> hash{XXH3_createState()};

  explicit State(Bytes bytes) : file(bytes) { XXH3_64bits_reset(hash.get()); }

  Result<Chunk> next_chunk();
  static Result<Bytes> stored(const Chunk& chunk);
  Result<Bytes> decoded(const Chunk& chunk);
  Status read_start();
  void read_end_early();
  Result<EndInfo> read_end(const Chunk& chunk);
  Status check_footer(const Chunk& chunk) const;
  Result<std::span<const Event>> read_events(const Chunk& chunk);
  Result<std::span<const Event>> next();
};

Result<Chunk> TraceReader::State::next_chunk() {
  Result<Chunk> chunk = read_chunk(file, offset, chunks);
  if (!chunk) return chunk;
  if (chunk->header.sequence != chunks)
    return bad_at(offset, fmt::format("chunk {}: its number says {}: chunks are missing", chunks,
                                      chunk->header.sequence));
  if (chunk->header.first_event != events)
    return chunk->error("its first event does not follow the chunk before");
  ++chunks;
  offset = chunk->next_offset();
  if (chunk->header.kind != format::kFooterChunk)
    XXH3_64bits_update(hash.get(), &chunk->header.crc, sizeof chunk->header.crc);
  return chunk;
}

// A header or an end that was packed could say a lot in a few bytes.
Result<Bytes> TraceReader::State::stored(const Chunk& chunk) {
  if (chunk.header.codec != format::kStored) return chunk.error("is compressed, and must not be");
  if (chunk.payload.size() != chunk.header.raw_bytes)
    return chunk.error("sizes contradict each other");
  return chunk.payload;
}

Result<Bytes> TraceReader::State::decoded(const Chunk& chunk) {
  const std::size_t size = chunk.header.raw_bytes;
  if (chunk.header.codec == format::kStored) return stored(chunk);
  if (chunk.header.codec != format::kZstd) return chunk.error("codec is not known");
  // What the header claims is not taken for granted: memory only for what can be in there.
  if (size > (chunk.payload.size() / kLeastZstdBlock + 1) * kMostZstdBlock)
    return chunk.error("does not decompress to its size");
  if (raw.size() < size) raw.resize(size);
  if (!zstd) zstd.reset(ZSTD_createDCtx());
  const std::size_t got =
      ZSTD_decompressDCtx(zstd.get(), raw.data(), size, chunk.payload.data(), chunk.payload.size());
  if (ZSTD_isError(got) || got != size) return chunk.error("does not decompress to its size");
  return Bytes(raw).first(size);
}

Status TraceReader::State::read_start() {
  if (Status status = check_file_header(file); !status) return status;
  Result<Chunk> chunk = next_chunk();
  if (!chunk) return chunk.error();
  if (chunk->header.kind != format::kHeaderChunk) return chunk->error("is not the header");
  Result<Bytes> json = stored(*chunk);
  if (!json) return json.error();
  Result<Meta> parsed = parse_meta(text_of(*json));
  if (!parsed) return chunk->error(parsed.error().message);
  meta = std::move(*parsed);
  return ok();
}

// By the footer. Silent when anything is odd: next() finds the reason when it gets there.
void TraceReader::State::read_end_early() {
  if (file.size() < sizeof(format::FooterTail)) return;
  const auto tail = read_struct<format::FooterTail>(file.last(sizeof(format::FooterTail)));
  if (tail.magic != format::kEndMagic || tail.footer_offset >= file.size()) return;
  const Result<Chunk> footer = read_chunk(file, tail.footer_offset, 0);
  if (!footer || footer->header.kind != format::kFooterChunk ||
      footer->payload.size() < sizeof(format::FooterHead))
    return;
  const auto head = read_struct<format::FooterHead>(footer->payload);
  if (head.end_offset >= file.size()) return;
  const Result<Chunk> chunk = read_chunk(file, head.end_offset, 0);
  if (!chunk || chunk->header.kind != format::kEndChunk) return;
  if (Result<EndInfo> info = read_end(*chunk)) end = *info;
}

Result<EndInfo> TraceReader::State::read_end(const Chunk& chunk) {
  Result<Bytes> json = stored(chunk);
  if (!json) return json.error();
  Result<EndInfo> info = parse_end_info(text_of(*json));
  if (!info) return chunk.error(info.error().message);
  return info;
}

// Its index is for readers that jump; one that has come here has checked everything it says.
Status TraceReader::State::check_footer(const Chunk& chunk) const {
  if (!seen_end) return chunk.error("footer comes before the end chunk");
  constexpr std::size_t kFixed = sizeof(format::FooterHead) + sizeof(format::FooterTail);
  if (chunk.header.codec != format::kStored || chunk.payload.size() < kFixed)
    return chunk.error("footer is malformed");
  const auto head = read_struct<format::FooterHead>(chunk.payload);
  const auto tail = read_struct<format::FooterTail>(chunk.payload.last(sizeof(format::FooterTail)));
  if (head.end_offset != end_offset || head.events != events ||
      tail.footer_offset != chunk.offset || tail.magic != format::kEndMagic)
    return chunk.error("footer contradicts the chunks");
  if (chunk.next_offset() != file.size())
    return bad_at(chunk.next_offset(), "file goes on after its footer");
  return ok();
}

Result<std::span<const Event>> TraceReader::State::read_events(const Chunk& chunk) {
  if (seen_end) return chunk.error("events come after the end chunk");
  Result<Bytes> payload = decoded(chunk);
  if (!payload) return payload.error();
  auto decoded_events = columns.decode(*payload, chunk.header.event_count);
  if (!decoded_events) return chunk.error(decoded_events.error().message);
  events += chunk.header.event_count;
  return decoded_events;
}

Result<std::span<const Event>> TraceReader::State::next() {
  while (!done) {
    if (offset == file.size())
      return bad_at(offset, seen_end ? "file ends before its footer, after its last event"
                                     : "file has no end chunk: the recorder was cut short");
    Result<Chunk> chunk = next_chunk();
    if (!chunk) return chunk.error();
    switch (chunk->header.kind) {
      case format::kEventsChunk: {
        auto got = read_events(*chunk);
        if (!got || !got->empty()) return got;
        break;
      }
      case format::kEndChunk: {
        if (std::exchange(seen_end, true)) return chunk->error("is a second end chunk");
        end_offset = chunk->offset;
        Result<EndInfo> info = read_end(*chunk);
        if (!info) return info.error();
        end = *info;
        break;
      }
      case format::kFooterChunk:
        if (Status status = check_footer(*chunk); !status) return status.error();
        done = true;
        break;
      case format::kHeaderChunk:
        return chunk->error("is a second header");
      default:
        ++skipped_chunks;
    }
  }
  return std::span<const Event>{};
}

TraceReader::TraceReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
TraceReader::TraceReader(TraceReader&&) noexcept = default;
TraceReader& TraceReader::operator=(TraceReader&&) noexcept = default;
TraceReader::~TraceReader() = default;

Result<TraceReader> TraceReader::open(std::span<const std::byte> bytes) {
  auto state = std::make_unique<State>(bytes);
  if (Status status = state->read_start(); !status) return status.error();
  state->read_end_early();
  return TraceReader(std::move(state));
}

Result<TraceReader> TraceReader::again() const { return open(state_->file); }

Result<std::span<const Event>> TraceReader::next() {
  if (state_->failure) return *state_->failure;
  auto got = state_->next();
  if (!got) state_->failure = got.error();
  return got;
}

const Meta& TraceReader::meta() const { return state_->meta; }
std::uint64_t TraceReader::bytes() const { return state_->file.size(); }
const std::optional<EndInfo>& TraceReader::end() const { return state_->end; }
std::string TraceReader::hash() const {
  return fmt::format("{:016x}", XXH3_64bits_digest(state_->hash.get()));
}
std::uint64_t TraceReader::chunks() const { return state_->chunks; }
std::uint64_t TraceReader::skipped() const {
  return state_->skipped_chunks + state_->columns.skipped();
}

}  // namespace anonvma
