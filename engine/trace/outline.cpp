#include "engine/trace/outline.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "engine/trace/chunk.h"
#include "engine/trace/event.h"

namespace anonvma {
namespace {

std::uint64_t known_events(const EventCounts& counts) {
  std::uint64_t known = 0;
  for (int type = 1; type < 256; ++type) known += count_of(counts, static_cast<std::uint8_t>(type));
  return known;
}

bool adds_up(const EndInfo& end) {
  std::uint64_t sum = 0;
  for (const auto& [type, count] : end.events_by_type) {
    if (count > end.events - sum) return false;
    sum += count;
  }
  return sum == end.events && (end.events == 0 || end.events_chunks != 0);
}

// Header chunk, end chunk, footer.
constexpr std::uint64_t kOtherChunks = 3;

}  // namespace

std::uint64_t count_of(const EventCounts& counts, std::uint8_t type) {
  const std::string name(name_of(static_cast<EventType>(type)));
  if (name.empty()) return 0;
  const auto by_name = counts.find(name), by_number = counts.find(fmt::format("{}", type));
  return (by_name == counts.end() ? 0 : by_name->second) +
         (by_number == counts.end() ? 0 : by_number->second);
}

std::optional<Outline> read_outline(std::span<const std::byte> file) {
  const Result<format::FileHeader> file_header = read_file_header(file);
  if (!file_header || file.size() == sizeof(format::FileHeader)) return std::nullopt;
  const Result<Chunk> first = read_chunk(file, sizeof(format::FileHeader), 0);
  const std::optional<Chunk> last = find_footer(file);
  if (!first || !last) return std::nullopt;
  const Result<Footer> footer = parse_footer(*last);
  if (!footer || !footer->hash || footer->offset != last->offset ||
      footer->head.end_offset >= footer->offset)
    return std::nullopt;
  const Result<Chunk> end_chunk = read_chunk(file, footer->head.end_offset, 0);
  if (!end_chunk || end_chunk->header.kind != format::kEndChunk ||
      end_chunk->next_offset() > last->offset)
    return std::nullopt;

  Result<Meta> meta = read_meta(*first);
  if (!meta) return std::nullopt;
  Outline outline;
  outline.meta = std::move(*meta);
  Result<EndInfo> end = read_end_info(*end_chunk);
  if (!end || end->events != footer->head.events || !adds_up(*end)) return std::nullopt;
  outline.end = std::move(*end);
  outline.hash = fmt::format("{:016x}", *footer->hash);
  outline.chunks = last->header.sequence + 1ull;
  if (outline.chunks < outline.end.events_chunks + kOtherChunks) return std::nullopt;
  outline.skipped_chunks = outline.chunks - outline.end.events_chunks - kOtherChunks;
  outline.skipped_records = outline.end.events - known_events(outline.end.events_by_type);
  outline.compat = file_header->compat;
  return outline;
}

}  // namespace anonvma
