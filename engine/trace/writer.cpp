#include "engine/trace/writer.h"

#include <zlib.h>
#include <zstd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/trace/columns.h"
#include "engine/trace/format.h"

namespace anonvma {
namespace {

constexpr int kZstdLevel = 3;
// Adding up the column sizes is not free: a chunk may exceed kWriterChunkBytes by what these hold.
constexpr std::uint32_t kSizeCheckInterval = 256;

struct ContextDeleter {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

std::uint32_t crc_of(std::uint32_t crc, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

struct TraceWriter::State {
  Sink sink;
  ColumnEncoder columns;
  std::unique_ptr<ZSTD_CCtx, ContextDeleter> zstd{ZSTD_createCCtx()};
  std::vector<std::byte> compressed, buffer;
  std::uint32_t sequence = 0;
  std::uint64_t events = 0;   // in chunks written and being filled
  std::uint64_t written = 0;  // in chunks written
  std::uint64_t bytes = 0;
  std::optional<Error> failure;
  bool finished = false;
  // The footer's entries: every stride-th events chunk.
  std::vector<format::IndexEntry> index;
  std::uint32_t stride = 1, events_chunks = 0;

  Status fail(Error error) {
    failure = error;
    return error;
  }

  Status write(std::span<const std::byte> chunk) {
    if (Status status = sink(chunk); !status) return fail(status.error());
    bytes += chunk.size();
    return ok();
  }

  // Appends to `buffer`; the caller hands it to the sink.
  Status put_chunk(format::ChunkKind kind, std::span<const std::byte> payload,
                   std::uint32_t event_count, bool compress) {
    if (payload.size() > format::kMaxChunkBytes) {
      return fail({ErrorCode::not_supported, "trace header is larger than a chunk may be"});
    }
    format::ChunkHeader header;
    header.kind = kind;
    header.sequence = sequence++;
    header.event_count = event_count;
    header.first_event = written;
    header.raw_bytes = static_cast<std::uint32_t>(payload.size());
    if (compress) payload = compressed_if_smaller(payload, header);
    header.stored_bytes = static_cast<std::uint32_t>(payload.size());
    const auto before_crc = bytes_of(header).first(offsetof(format::ChunkHeader, crc));
    header.crc = crc_of(crc_of(0, before_crc), payload);
    append(buffer, bytes_of(header));
    append(buffer, payload);
    return ok();
  }

  std::span<const std::byte> compressed_if_smaller(std::span<const std::byte> payload,
                                                   format::ChunkHeader& header) {
    compressed.resize(ZSTD_compressBound(payload.size()));
    const std::size_t size = ZSTD_compressCCtx(zstd.get(), compressed.data(), compressed.size(),
                                               payload.data(), payload.size(), kZstdLevel);
    if (ZSTD_isError(size) || size >= payload.size()) return payload;
    header.codec = format::kZstd;
    return std::span(compressed).first(size);
  }

  // A week of one chunk a second must not outgrow the footer: thin it out instead.
  void add_to_index() {
    if (events_chunks++ % stride != 0) return;
    if (index.size() == format::kMaxIndexEntries) {
      for (std::size_t i = 0; i < index.size() / 2; ++i) index[i] = index[2 * i];
      index.resize(index.size() / 2);
      stride *= 2;
    }
    index.push_back({bytes, written});
  }

  Status write_start(const Meta& meta) {
    format::FileHeader header;
    header.crc = crc_of(0, bytes_of(header).first(offsetof(format::FileHeader, crc)));
    append(buffer, bytes_of(header));
    const std::string json = to_json(meta);
    if (Status s = put_chunk(format::kHeaderChunk, std::as_bytes(std::span(json)), 0, false); !s)
      return s;
    return write(buffer);
  }

  Status write_events() {
    const std::uint32_t count = columns.events();
    if (count == 0) return ok();
    add_to_index();
    buffer.clear();
    if (Status s = put_chunk(format::kEventsChunk, columns.finish(), count, true); !s) return s;
    written += count;
    return write(buffer);
  }

  Status write_end(const EndInfo& end) {
    const format::FooterHead head{bytes, events, stride, static_cast<std::uint32_t>(index.size())};
    const std::string json = to_json(end);
    buffer.clear();
    if (Status s = put_chunk(format::kEndChunk, std::as_bytes(std::span(json)), 0, false); !s)
      return s;
    const format::FooterTail tail{bytes + buffer.size()};
    std::vector<std::byte> footer;
    append(footer, bytes_of(head));
    append(footer, std::as_bytes(std::span(index)));
    append(footer, bytes_of(tail));
    if (Status s = put_chunk(format::kFooterChunk, footer, 0, false); !s) return s;
    return write(buffer);
  }
};

TraceWriter::TraceWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TraceWriter::TraceWriter(TraceWriter&&) noexcept = default;
TraceWriter& TraceWriter::operator=(TraceWriter&&) noexcept = default;
TraceWriter::~TraceWriter() = default;

Result<TraceWriter> TraceWriter::create(Sink sink, const Meta& meta) {
  auto state = std::make_unique<State>();
  state->sink = std::move(sink);
  if (Status status = state->write_start(meta); !status) return status.error();
  return TraceWriter(std::move(state));
}

Status TraceWriter::add(const Event& event) {
  assert(!state_->finished);
  if (state_->failure) return *state_->failure;
  state_->columns.add(event);
  ++state_->events;
  const std::uint32_t count = state_->columns.events();
  const bool full =
      count == format::kMaxChunkEvents ||
      (count % kSizeCheckInterval == 0 && state_->columns.bytes() >= format::kWriterChunkBytes);
  return full ? state_->write_events() : ok();
}

Status TraceWriter::flush() {
  if (state_->failure) return *state_->failure;
  return state_->write_events();
}

Status TraceWriter::finish(EndInfo end) {
  assert(!state_->finished);
  if (Status status = flush(); !status) return status;
  state_->finished = true;
  end.events = state_->events;
  return state_->write_end(end);
}

std::uint64_t TraceWriter::events() const { return state_->events; }
std::uint64_t TraceWriter::bytes() const { return state_->bytes; }

}  // namespace anonvma
