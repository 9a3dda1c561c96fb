#include "engine/trace/salvage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "engine/trace/chunk_scan.h"
#include "engine/trace/columns.h"

namespace anonvma {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kMostDamage = 20;

// The facts that the first pass keeps about each chunk. They are smaller than any chunk in the
// file.
struct Found {
  std::uint64_t offset = 0, first_event = 0;
  std::uint32_t sequence = 0;
  std::uint8_t kind = 0;
};

// Repairs a file header with one wrong byte. All headers of version 1 without feature bits are
// equal; this one is accepted if its checksum or its fields still say so.
Result<format::FileHeader> file_header_of(Bytes file) {
  const Result<format::FileHeader> header = read_file_header(file);
  if (header || file.size() < sizeof(format::FileHeader)) return header;
  format::FileHeader plain;
  plain.crc =
      crc_of(0, std::as_bytes(std::span(&plain, 1)).first(offsetof(format::FileHeader, crc)));
  format::FileHeader seen;
  std::memcpy(&seen, file.data(), sizeof seen);
  if (seen.crc == plain.crc) return plain;
  const bool right_fields = seen.magic == plain.magic && seen.version == plain.version &&
                            seen.compat == plain.compat && seen.incompat == plain.incompat;
  if (right_fields) return plain;
  return header;
}

class Salvager {
 public:
  Salvager(Bytes file, ChunkWriter::Sink sink) : file_(file), out_(std::move(sink)) {}

  Result<Salvage> run();

 private:
  void note(std::string_view damage) {
    if (result_.damage.size() < kMostDamage) result_.damage.emplace_back(damage);
  }
  void find();
  void sort();
  Status copy(const Found& found);
  Status copy_events(const Chunk& chunk);
  Status fill_gap(const Chunk& chunk);
  Status put_lost(std::uint64_t count);
  void count(std::span<const Event> events);
  void read_end(const Chunk& chunk);
  void check_footer(const Chunk& chunk);
  Status finish();

  Bytes file_;
  ChunkWriter out_;
  Salvage result_;
  std::vector<Found> found_;
  bool header_seen_ = false, end_seen_ = false, footer_seen_ = false;
  std::uint64_t expected_event_ = 0, expected_chunk_ = 0;  // by the numbers in the source
  std::uint64_t events_chunks_ = 0, end_offset_ = 0;
  std::uint64_t time_ns_ = 0, last_ns_ = 0, lost_ = 0;
  std::array<std::uint64_t, 256> by_type_{};
  ChunkDecoder payloads_;
  ColumnDecoder columns_;
};

// First pass: finds the chunks. A second header chunk is the begin of another trace.
void Salvager::find() {
  ChunkScan scan(file_);
  while (const std::optional<Piece> piece = scan.next()) {
    if (!piece->chunk) {
      result_.unused_bytes += piece->bytes;
      note(fmt::format("{} (offset {:#x}, {} bytes)", piece->what, piece->offset, piece->bytes));
      continue;
    }
    const format::ChunkHeader& header = piece->chunk->header;
    if (header.kind == format::kHeaderChunk && std::exchange(header_seen_, true)) {
      note(fmt::format("another trace begins at offset {:#x}", piece->offset));
      result_.unused_bytes += file_.size() - piece->offset;
      break;
    }
    found_.push_back({piece->offset, header.first_event, header.sequence, header.kind});
  }
}

// The numbers of the chunks give their order, whatever their order in the file.
void Salvager::sort() {
  const auto by_number = [](const Found& a, const Found& b) { return a.sequence < b.sequence; };
  if (!std::is_sorted(found_.begin(), found_.end(), by_number)) note("chunks are out of order");
  std::stable_sort(found_.begin(), found_.end(), by_number);
  const auto is_footer = [](const Found& f) { return f.kind == format::kFooterChunk; };
  const auto footer = std::find_if(found_.begin(), found_.end(), is_footer);
  if (footer != found_.end() && footer + 1 != found_.end()) {
    note("chunks come after the footer");
    found_.erase(footer + 1, found_.end());
  }
}

// Writes a Lost event for chunks that are missing between the last copied chunk and this one.
Status Salvager::fill_gap(const Chunk& chunk) {
  result_.missing_chunks += chunk.header.sequence - expected_chunk_;
  expected_chunk_ = chunk.header.sequence + 1ull;
  const std::uint64_t missing = chunk.header.first_event - expected_event_;
  if (missing == 0) return ok();
  result_.missing_events += missing;
  expected_event_ = chunk.header.first_event;
  return put_lost(missing);
}

Status Salvager::put_lost(std::uint64_t count_lost) {
  const Event event{{time_ns_, 0, {}, 0, 0}, Lost{count_lost, 0, 0}};
  ColumnEncoder encoder;
  encoder.add(event);
  const Bytes payload = encoder.finish();
  ++by_type_[static_cast<std::uint8_t>(EventType::lost)];
  lost_ += count_lost;
  return out_.events_chunk({payload, static_cast<std::uint32_t>(payload.size()), format::kStored},
                           1);
}

void Salvager::count(std::span<const Event> events) {
  for (std::size_t type = 0; type < by_type_.size(); ++type)
    by_type_[type] += columns_.counts()[type];
  for (const Event& event : events) {
    last_ns_ = std::max(last_ns_, event.head.time_ns);
    if (const auto* lost = std::get_if<Lost>(&event.body)) lost_ += lost->count;
  }
  if (!events.empty()) time_ns_ = events.back().head.time_ns;
}

// A chunk that does not decode counts as missing: the next one's numbers say how many
// events it had.
Status Salvager::copy_events(const Chunk& chunk) {
  const Result<Bytes> payload = payloads_.decode(chunk);
  if (!payload) return payload.error();
  const auto events = columns_.decode(*payload, chunk.header.event_count);
  if (!events) return chunk.error(events.error().message);
  if (Status s = fill_gap(chunk); !s) return s;
  if (chunk.header.event_count == 0) return ok();
  count(*events);
  expected_event_ += chunk.header.event_count;
  result_.events += chunk.header.event_count;
  return out_.events_chunk(
      {chunk.payload, chunk.header.raw_bytes, static_cast<format::ChunkCodec>(chunk.header.codec)},
      chunk.header.event_count);
}

void Salvager::read_end(const Chunk& chunk) {
  const Result<EndInfo> end = read_end_info(chunk);
  if (!end) return note(end.error().message);
  result_.end = *end;
  end_offset_ = chunk.offset;
}

void Salvager::check_footer(const Chunk& chunk) {
  footer_seen_ = true;
  const Result<Footer> footer = parse_footer(chunk);
  if (!footer) return note(footer.error().message);
  if (!result_.damage.empty() || result_.missing_chunks != 0) return;  // it describes the old file
  if (footer->offset != chunk.offset || footer->head.end_offset != end_offset_ ||
      footer->head.events != chunk.header.first_event)
    return note("footer contradicts the chunks");
  if (const Status index = check_index(file_, *footer, events_chunks_); !index)
    note(index.error().message);
}

Status Salvager::copy(const Found& found) {
  const Result<Chunk> read = read_chunk(file_, found.offset, found.sequence);
  if (!read) return read.error();  // the file has changed since the first pass
  const Chunk& chunk = *read;
  const format::ChunkHeader& header = chunk.header;
  if (header.sequence < expected_chunk_ || header.first_event < expected_event_) {
    note(fmt::format("chunk {} (offset {:#x}) contradicts those before it", header.sequence,
                     found.offset));
    result_.unused_bytes += chunk.next_offset() - found.offset;
    return ok();
  }
  if (header.kind == format::kEventsChunk) {
    const Status copied = copy_events(chunk);
    if (out_.failure()) return *out_.failure();
    if (!copied) return note(copied.error().message), ok();
    ++events_chunks_, ++result_.chunks;
    return ok();
  }
  if (Status s = fill_gap(chunk); !s) return s;
  ++result_.chunks;
  if (header.kind == format::kEndChunk) {
    end_seen_ = true;
    read_end(chunk);
  } else if (header.kind == format::kFooterChunk) {
    check_footer(chunk);
  } else {
    return out_.unknown_chunk(header.kind, header.codec, {chunk.payload, header.raw_bytes});
  }
  return ok();
}

Status Salvager::finish() {
  if (!end_seen_) note("has no end chunk");
  if (!footer_seen_) note("has no footer");
  if (!end_seen_ && !footer_seen_) {  // the last chunks hold the number of events
    result_.end_missing = true;
    if (Status s = put_lost(1); !s) return s;
  }
  EndInfo& end = result_.end;
  if (!end_seen_) end.duration_ns = last_ns_;
  end.lost = lost_;
  end.repaired |= !result_.intact();
  end.missing_chunks += result_.missing_chunks;
  end.events_by_type.clear();
  for (std::size_t type = 0; type < by_type_.size(); ++type) {
    if (by_type_[type] == 0) continue;
    const std::string_view name = name_of(static_cast<EventType>(type));
    end.events_by_type[name.empty() ? fmt::format("{}", type) : std::string(name)] = by_type_[type];
  }
  if (Status s = out_.finish(end); !s) return s;
  end.events = out_.events();
  return ok();
}

Result<Salvage> Salvager::run() {
  const Result<format::FileHeader> header = file_header_of(file_);
  if (!header) return header.error();
  if (!read_file_header(file_)) note("file header is damaged");
  find();
  sort();
  if (found_.empty() || found_.front().kind != format::kHeaderChunk)
    return Error{ErrorCode::bad_trace,
                 "header chunk is damaged: no other chunk says what was recorded, so this file "
                 "cannot be repaired",
                 sizeof(format::FileHeader)};
  const Result<Chunk> first = read_chunk(file_, found_.front().offset, 0);
  if (!first) return first.error();
  const Result<Meta> meta = read_meta(*first);
  if (!meta) return meta.error();
  const Result<Bytes> json = stored_payload(*first);
  const std::string text(reinterpret_cast<const char*>(json->data()), json->size());
  if (Status s = out_.start(header->compat, text); !s) return s.error();
  expected_chunk_ = first->header.sequence + 1ull;
  ++result_.chunks;
  for (std::size_t i = 1; i < found_.size(); ++i)
    if (Status s = copy(found_[i]); !s) return s.error();
  if (Status s = finish(); !s) return s.error();
  return std::move(result_);
}

}  // namespace

Result<Salvage> salvage(Bytes file, ChunkWriter::Sink sink) {
  return Salvager(file, std::move(sink)).run();
}

}  // namespace anonvma
