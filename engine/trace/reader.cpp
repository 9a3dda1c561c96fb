#include "engine/trace/reader.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "engine/trace/chunk.h"
#include "engine/trace/columns.h"

namespace anonvma {
namespace {

using Bytes = std::span<const std::byte>;

Error bad_at(std::uint64_t offset, std::string message) {
  return {ErrorCode::bad_trace, std::move(message), offset};
}

}  // namespace

struct TraceReader::State {
  Bytes file;      // as far as it is there
  MoreBytes more;  // empty: all of it is there
  Meta meta;
  std::optional<EndInfo> end;
  std::optional<Error> failure;
  bool seen_end = false, done = false;
  bool jumped = false;  // some chunks were skipped, so the hash is not known
  std::uint64_t offset = sizeof(format::FileHeader);  // of the next chunk
  std::uint64_t chunks = 0, events = 0, skipped_chunks = 0;
  std::uint64_t end_offset = 0;
  std::uint32_t compat = 0;
  ColumnDecoder columns;
  ChunkDecoder payloads;
  TraceHash hash;

  explicit State(Bytes bytes) : file(bytes) {}
  explicit State(MoreBytes source) : more(std::move(source)) {}

  Status fill(std::uint64_t wanted);
  Status fill_chunk();
  Result<Chunk> next_chunk();
  Status read_start();
  void read_end_early();
  std::vector<format::IndexEntry> read_index() const;
  bool jump(const format::IndexEntry& entry);
  Status check_footer(const Chunk& chunk);
  Result<std::span<const Event>> read_events(const Chunk& chunk);
  Result<std::span<const Event>> next();
};

Status TraceReader::State::fill(std::uint64_t wanted) {
  if (!more || file.size() >= wanted) return ok();
  const Result<Bytes> there = more(offset, wanted);
  if (!there) return there.error();
  file = *there;
  return ok();
}

// Waits for the chunk at `offset`, as far as its header can be believed.
Status TraceReader::State::fill_chunk() {
  format::ChunkHeader header;
  if (const Status s = fill(offset + sizeof header); !s) return s;
  if (!more || file.size() < offset + sizeof header) return ok();
  std::memcpy(&header, &file[offset], sizeof header);
  if (header.magic != format::kChunkMagic || header.stored_bytes > format::kMaxChunkBytes)
    return ok();
  return fill(offset + sizeof header + header.stored_bytes);
}

Result<Chunk> TraceReader::State::next_chunk() {
  if (const Status s = fill_chunk(); !s) return s.error();
  Result<Chunk> chunk = read_chunk(file, offset, chunks);
  if (!chunk) return chunk;
  if (chunk->header.sequence != chunks)
    return bad_at(offset, fmt::format("chunk {}: its number says {}: chunks are missing", chunks,
                                      chunk->header.sequence));
  if (chunk->header.first_event != events)
    return chunk->error("its first event does not follow the chunk before");
  ++chunks;
  offset = chunk->next_offset();
  hash.add(chunk->header);
  return chunk;
}

Status TraceReader::State::read_start() {
  if (const Status s = fill(sizeof(format::FileHeader)); !s) return s;
  const Result<format::FileHeader> header = read_file_header(file);
  if (!header) return header.error();
  compat = header->compat;
  Result<Chunk> chunk = next_chunk();
  if (!chunk) return chunk.error();
  Result<Meta> parsed = read_meta(*chunk);
  if (!parsed) return parsed.error();
  meta = std::move(*parsed);
  return ok();
}

// Empty if there is no index, or one that no writer makes.
std::vector<format::IndexEntry> TraceReader::State::read_index() const {
  const std::optional<Chunk> chunk = find_footer(file);
  if (!chunk) return {};
  Result<Footer> footer = parse_footer(*chunk);
  return footer ? std::move(footer->index) : std::vector<format::IndexEntry>{};
}

bool TraceReader::State::jump(const format::IndexEntry& entry) {
  if (entry.offset >= file.size()) return false;
  const Result<Chunk> chunk = read_chunk(file, entry.offset, 0);
  if (!chunk || chunk->header.kind != format::kEventsChunk ||
      chunk->header.first_event != entry.first_event)
    return false;
  offset = entry.offset;
  chunks = chunk->header.sequence;
  events = entry.first_event;
  seen_end = done = false;
  jumped = true;
  failure.reset();
  return true;
}

// Reads the end chunk by the footer. Errors are silent: next() reports them when it gets there.
void TraceReader::State::read_end_early() {
  const std::optional<Chunk> chunk = find_footer(file);
  if (!chunk) return;
  const Result<Footer> footer = parse_footer(*chunk);
  if (!footer || footer->head.end_offset >= file.size()) return;
  const Result<Chunk> at_end = read_chunk(file, footer->head.end_offset, 0);
  if (!at_end || at_end->header.kind != format::kEndChunk) return;
  if (Result<EndInfo> info = read_end_info(*at_end)) end = *info;
}

// The index is for readers that jump. A reader that has read the whole file can check all of it.
Status TraceReader::State::check_footer(const Chunk& chunk) {
  if (!seen_end) return chunk.error("footer comes before the end chunk");
  const Result<Footer> footer = parse_footer(chunk);
  if (!footer) return footer.error();
  if (footer->head.end_offset != end_offset || footer->head.events != events ||
      footer->offset != chunk.offset)
    return chunk.error("footer contradicts the chunks");
  if (footer->hash && !jumped && *footer->hash != hash.value())
    return chunk.error("footer has another hash than the chunks");
  if (const Status s = fill(chunk.next_offset() + 1); !s) return s;
  if (chunk.next_offset() != file.size())
    return bad_at(chunk.next_offset(), "file goes on after its footer");
  return ok();
}

Result<std::span<const Event>> TraceReader::State::read_events(const Chunk& chunk) {
  if (seen_end) return chunk.error("events come after the end chunk");
  Result<Bytes> payload = payloads.decode(chunk);
  if (!payload) return payload.error();
  auto decoded_events = columns.decode(*payload, chunk.header.event_count);
  if (!decoded_events) return chunk.error(decoded_events.error().message);
  events += chunk.header.event_count;
  return decoded_events;
}

Result<std::span<const Event>> TraceReader::State::next() {
  while (!done) {
    if (const Status s = fill(offset + 1); !s) return s.error();
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
        Result<EndInfo> info = read_end_info(*chunk);
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

Result<TraceReader> TraceReader::open_live(MoreBytes more) {
  auto state = std::make_unique<State>(std::move(more));
  if (Status status = state->read_start(); !status) return status.error();
  return TraceReader(std::move(state));
}

Result<TraceReader> TraceReader::again() const {
  return state_->more ? open_live(state_->more) : open(state_->file);
}

Result<std::span<const Event>> TraceReader::next() {
  if (state_->failure) return *state_->failure;
  auto got = state_->next();
  if (!got) state_->failure = got.error();
  return got;
}

bool TraceReader::seek_event(std::uint64_t index) {
  const std::vector<format::IndexEntry> entries = state_->read_index();
  const auto above = std::partition_point(
      entries.begin(), entries.end(),
      [index](const format::IndexEntry& entry) { return entry.first_event <= index; });
  return above != entries.begin() && state_->jump(*(above - 1));
}

bool TraceReader::seek_time(std::uint64_t time_ns) {
  const std::vector<format::IndexEntry> entries = state_->read_index();
  ColumnDecoder columns;  // events decoded here are skipped, and do not count as read
  const auto begins_by_then = [&](const format::IndexEntry& entry) {
    const Result<Chunk> chunk = entry.offset < state_->file.size()
                                    ? read_chunk(state_->file, entry.offset, 0)
                                    : Result<Chunk>(bad_at(entry.offset, "no chunk"));
    if (!chunk) return false;
    const Result<Bytes> payload = state_->payloads.decode(*chunk);
    if (!payload) return false;
    const auto events = columns.decode(*payload, chunk->header.event_count);
    return events && !events->empty() && events->front().head.time_ns <= time_ns;
  };
  const auto above = std::partition_point(entries.begin(), entries.end(), begins_by_then);
  if (entries.empty()) return false;
  return state_->jump(above == entries.begin() ? *above : *(above - 1));
}

std::uint64_t TraceReader::position() const { return state_->events; }
const Meta& TraceReader::meta() const { return state_->meta; }
std::uint64_t TraceReader::bytes() const { return state_->file.size(); }
std::uint64_t TraceReader::bytes_read() const { return state_->offset; }
bool TraceReader::is_live() const { return static_cast<bool>(state_->more); }
const std::optional<EndInfo>& TraceReader::end() const { return state_->end; }
std::string TraceReader::hash() const { return fmt::format("{:016x}", state_->hash.value()); }
std::uint64_t TraceReader::chunks() const { return state_->chunks; }
std::uint64_t TraceReader::skipped() const { return skipped_chunks() + skipped_records(); }
std::uint64_t TraceReader::skipped_chunks() const { return state_->skipped_chunks; }
std::uint64_t TraceReader::skipped_records() const { return state_->columns.skipped(); }
std::uint32_t TraceReader::compat() const { return state_->compat; }

}  // namespace anonvma
