// Jumping by the footer's index.
#include <zlib.h>

#include "test/catch.h"
#include "test/support/trace_bytes.h"

namespace anonvma::test {
namespace {

constexpr std::size_t kPerChunk = 7, kEvents = 100;

std::vector<Event> counted() {
  std::vector<Event> events;
  for (std::uint64_t i = 0; i < kEvents; ++i)
    events.push_back({{.time_ns = 10 * i, .mm = MmId{1}}, Fault{i * 4096, 3}});
  return events;
}

// All events from the reader's place on; empty after an error.
std::vector<Event> rest_of(TraceReader& reader) {
  std::vector<Event> all;
  for (;;) {
    const auto events = reader.next();
    if (!events) return {};
    if (events->empty()) return all;
    all.insert(all.end(), events->begin(), events->end());
  }
}

TEST_CASE("a reader jumps to the chunk of an event, and reads on to the clean end", "[seek]") {
  const std::vector<Event> events = counted();
  const FileBytes file = write_trace(events, kPerChunk);
  auto reader = TraceReader::open(file);
  REQUIRE(reader);
  for (const std::uint64_t index : {0, 6, 7, 50, 99, 98, 0, 1000}) {
    INFO(index);
    REQUIRE(reader->seek_event(index));
    const std::uint64_t at = reader->position();
    CHECK(at == std::min<std::uint64_t>(index, kEvents - 1) / kPerChunk * kPerChunk);
    CHECK(rest_of(*reader) ==
          std::vector<Event>(events.begin() + static_cast<long>(at), events.end()));
  }
}

TEST_CASE("a reader jumps to the last chunk that begins by a time", "[seek]") {
  const FileBytes file = write_trace(counted(), kPerChunk);
  auto reader = TraceReader::open(file);
  REQUIRE(reader);
  for (const std::uint64_t time : {0, 69, 70, 71, 555, 99999}) {
    INFO(time);
    REQUIRE(reader->seek_time(time));
    CHECK(reader->position() ==
          std::min<std::uint64_t>(time / 10, kEvents - 1) / kPerChunk * kPerChunk);
    CHECK_FALSE(rest_of(*reader).empty());
  }
}

TEST_CASE("without a sound footer a reader stays where it is", "[seek]") {
  const std::vector<Event> events = counted();
  const FileBytes whole = write_trace(events, kPerChunk);
  FileBytes cut(whole.begin(), whole.end() - 20), changed = whole;
  changed[whole.size() - 60] ^= std::byte{1};
  for (const FileBytes& file : {cut, changed}) {
    auto reader = TraceReader::open(file);
    REQUIRE(reader);
    CHECK_FALSE(reader->seek_event(50));
    CHECK_FALSE(reader->seek_time(500));
    CHECK(reader->position() == 0);
    const auto first = reader->next();
    REQUIRE(first);
    CHECK(first->front() == events.front());
  }
}

// An index that is wrong, with right checksums, is not used before the chunk agrees.
TEST_CASE("an index that points elsewhere is not followed", "[seek]") {
  const std::vector<Event> events = counted();
  for (const std::uint64_t offset : {0ull, 24ull, 25ull, 1ull << 40, ~0ull}) {
    FileBytes file = write_trace(events, kPerChunk);
    format::FooterTail tail;
    std::memcpy(&tail, file.data() + file.size() - sizeof tail, sizeof tail);
    std::byte* const chunk = file.data() + tail.footer_offset;
    format::ChunkHeader header;
    std::memcpy(&header, chunk, sizeof header);
    for (std::size_t i = 0; i < (kEvents + kPerChunk - 1) / kPerChunk; ++i)
      std::memcpy(chunk + sizeof header + sizeof(format::FooterHead) + i * 16, &offset, 8);
    const auto crc_of = [](std::uint32_t crc, const std::byte* bytes, std::size_t size) {
      return static_cast<std::uint32_t>(
          crc32_z(crc, reinterpret_cast<const unsigned char*>(bytes), size));
    };
    const std::uint32_t crc = crc_of(crc_of(0, chunk, offsetof(format::ChunkHeader, crc)),
                                     chunk + sizeof header, header.stored_bytes);
    std::memcpy(chunk + offsetof(format::ChunkHeader, crc), &crc, sizeof crc);
    auto reader = TraceReader::open(file);
    REQUIRE(reader);
    CHECK_FALSE(reader->seek_event(50));
    CHECK_FALSE(reader->seek_time(500));
    CHECK(rest_of(*reader) == events);
  }
}

}  // namespace
}  // namespace anonvma::test
