// Traces in memory for the trace tests: functions to write, read and dissect them.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "engine/trace/chunk.h"
#include "engine/trace/format.h"
#include "engine/trace/reader.h"
#include "engine/trace/writer.h"

namespace anonvma::test {

using FileBytes = std::vector<std::byte>;

inline TraceWriter::Sink append_to(FileBytes& file) {
  return [&file](std::span<const std::byte> bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
    return ok();
  };
}

// Flushes after every `flush_every` events; 0: never.
inline FileBytes write_trace(std::span<const Event> events, std::size_t flush_every = 0,
                             const Meta& meta = {}, const EndInfo& end = {}) {
  FileBytes file;
  auto writer = TraceWriter::create(append_to(file), meta);
  bool good = static_cast<bool>(writer);
  for (std::size_t i = 0; good && i < events.size(); ++i) {
    good = static_cast<bool>(writer->add(events[i]));
    if (good && flush_every != 0 && (i + 1) % flush_every == 0)
      good = static_cast<bool>(writer->flush());
  }
  if (good) good = static_cast<bool>(writer->finish(end));
  if (!good) file.clear();
  return file;
}

struct ReadBack {
  std::vector<Event> events;
  std::string error;  // empty: the trace has a clean end
  std::uint64_t error_offset = Error::kNoOffset;
  std::uint64_t skipped = 0;
  std::string hash;
  std::optional<EndInfo> end;
  Meta meta;
};

inline ReadBack read_trace(std::span<const std::byte> file) {
  ReadBack got;
  auto reader = TraceReader::open(file);
  if (!reader) {
    got.error = reader.error().message;
    got.error_offset = reader.error().offset;
    return got;
  }
  got.meta = reader->meta();
  for (;;) {
    const auto events = reader->next();
    if (!events) {
      got.error = events.error().message;
      got.error_offset = events.error().offset;
      break;
    }
    if (events->empty()) break;
    got.events.insert(got.events.end(), events->begin(), events->end());
  }
  got.skipped = reader->skipped();
  got.hash = reader->hash();
  got.end = reader->end();
  return got;
}

struct ChunkAt {
  format::ChunkHeader header;
  std::size_t offset = 0;
  FileBytes payload;
};

inline std::vector<ChunkAt> chunks_of(std::span<const std::byte> file) {
  std::vector<ChunkAt> chunks;
  for (std::size_t at = sizeof(format::FileHeader); at < file.size();) {
    ChunkAt chunk{.header = {}, .offset = at, .payload = {}};
    std::memcpy(&chunk.header, &file[at], sizeof chunk.header);
    at += sizeof chunk.header;
    const auto payload = file.subspan(at, chunk.header.stored_bytes);
    chunk.payload.assign(payload.begin(), payload.end());
    at += payload.size();
    chunks.push_back(std::move(chunk));
  }
  return chunks;
}

// Assembles a file with right sizes, numbers, offsets and checksums, as a newer writer could have
// written it. Payloads of changed chunks must be stored, not zstd.
inline FileBytes assemble(format::FileHeader file_header, std::vector<ChunkAt> chunks) {
  FileBytes file;
  const auto append = [&file](const auto& value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    file.insert(file.end(), bytes.begin(), bytes.end());
  };
  file_header.crc =
      crc_of(0, std::as_bytes(std::span(&file_header, 1)).first(offsetof(format::FileHeader, crc)));
  append(file_header);
  std::uint64_t end_offset = 0;
  TraceHash hash;
  std::vector<std::uint64_t> events_offsets;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    ChunkAt& chunk = chunks[i];
    const std::uint64_t offset = file.size();
    if (chunk.header.kind == format::kEndChunk) end_offset = offset;
    if (chunk.header.kind == format::kEventsChunk) events_offsets.push_back(offset);
    if (chunk.header.kind == format::kFooterChunk) {
      std::memcpy(chunk.payload.data(), &end_offset, 8);
      std::byte* const tail =
          chunk.payload.data() + chunk.payload.size() - sizeof(format::FooterTail);
      std::memcpy(tail, &offset, 8);
      format::FooterHead head;
      std::memcpy(&head, chunk.payload.data(), sizeof head);
      std::byte* const entries = chunk.payload.data() + sizeof head;
      for (std::size_t e = 0; e < std::min<std::size_t>(events_offsets.size(), head.entries); ++e)
        std::memcpy(entries + e * sizeof(format::IndexEntry), &events_offsets[e], 8);
      const std::uint64_t value = hash.value();
      std::byte* const behind = entries + head.entries * sizeof(format::IndexEntry);
      if (behind != tail) std::memcpy(behind, &value, sizeof value);
    }
    chunk.header.sequence = static_cast<std::uint32_t>(i);
    chunk.header.stored_bytes = static_cast<std::uint32_t>(chunk.payload.size());
    if (chunk.header.codec == format::kStored) chunk.header.raw_bytes = chunk.header.stored_bytes;
    const auto header = std::as_bytes(std::span(&chunk.header, 1));
    chunk.header.crc =
        crc_of(crc_of(0, header.first(offsetof(format::ChunkHeader, crc))), chunk.payload);
    hash.add(chunk.header);
    append(chunk.header);
    file.insert(file.end(), chunk.payload.begin(), chunk.payload.end());
  }
  return file;
}

}  // namespace anonvma::test
