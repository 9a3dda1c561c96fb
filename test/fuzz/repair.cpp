#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "engine/trace/format.h"
#include "test/fuzz/fuzz.h"

namespace anonvma::fuzz {
namespace {

enum Leave : std::uint16_t { kPosition = 1, kSizes = 2, kFooter = 4 };

std::uint32_t crc_of(std::uint32_t crc, const std::byte* bytes, std::size_t size) {
  return static_cast<std::uint32_t>(
      crc32_z(crc, reinterpret_cast<const unsigned char*>(bytes), size));
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void repair_footer(std::byte* payload, std::size_t size, std::uint64_t offset,
                   std::uint64_t end_offset, std::uint64_t events) {
  if (size < sizeof(format::FooterHead) + sizeof(format::FooterTail)) return;
  auto head = load<format::FooterHead>(payload);
  head.end_offset = end_offset;
  head.events = events;
  std::memcpy(payload, &head, sizeof head);
  const format::FooterTail tail{.footer_offset = offset};
  std::memcpy(payload + size - sizeof tail, &tail, sizeof tail);
}

void repair_chunks(std::vector<std::byte>& file) {
  std::uint64_t end_offset = 0, events = 0;
  std::uint32_t number = 0;
  for (std::size_t at = sizeof(format::FileHeader);
       at < file.size() && file.size() - at >= sizeof(format::ChunkHeader);) {
    auto header = load<format::ChunkHeader>(&file[at]);
    const std::size_t rest = file.size() - at - sizeof header;
    if ((header.reserved & kPosition) == 0) {
      header.sequence = number;
      header.first_event = events;
    }
    if ((header.reserved & kSizes) == 0) {
      header.stored_bytes =
          static_cast<std::uint32_t>(std::min<std::size_t>(header.stored_bytes, rest));
      if (header.codec == format::kStored) header.raw_bytes = header.stored_bytes;
    }
    if (header.stored_bytes > rest) return;
    std::byte* payload = file.data() + at + sizeof header;
    if (header.kind == format::kEndChunk) end_offset = at;
    if (header.kind == format::kFooterChunk && (header.reserved & kFooter) == 0)
      repair_footer(payload, header.stored_bytes, at, end_offset, events);
    std::memcpy(&file[at], &header, sizeof header);
    header.crc = crc_of(crc_of(0, &file[at], offsetof(format::ChunkHeader, crc)), payload,
                        header.stored_bytes);
    std::memcpy(&file[at], &header, sizeof header);
    if (header.kind == format::kEventsChunk) events += header.event_count;
    at += sizeof header + header.stored_bytes;
    ++number;
  }
}

}  // namespace

bool repair(Input file, std::vector<std::byte>& repaired) {
  repaired.assign(file.begin(), file.end());
  if (repaired.size() < sizeof(format::FileHeader)) return false;
  const std::uint32_t crc = crc_of(0, repaired.data(), offsetof(format::FileHeader, crc));
  std::memcpy(&repaired[offsetof(format::FileHeader, crc)], &crc, sizeof crc);
  repair_chunks(repaired);
  return !std::equal(file.begin(), file.end(), repaired.begin());
}

}  // namespace anonvma::fuzz
