// `repair` of a file damaged anywhere: every event of the whole chunks is kept, and a Lost event
// stands where others are missing. The result passes `check`.
#include "engine/trace/salvage.h"

#include <algorithm>

#include "engine/trace/check.h"
#include "test/catch.h"
#include "test/support/random_events.h"
#include "test/support/trace_bytes.h"

using namespace anonvma;
using namespace anonvma::test;

namespace {

struct Saved {
  std::string error;
  Salvage salvage;
  FileBytes file;
  ReadBack read;
};

Saved save(std::span<const std::byte> file) {
  Saved saved;
  auto result = salvage(file, append_to(saved.file));
  if (!result) {
    saved.error = result.error().message;
    return saved;
  }
  saved.salvage = *result;
  saved.read = read_trace(saved.file);
  return saved;
}

// One mm with `count` faults: a life without findings, with any part lost.
std::vector<Event> faults(std::size_t count) {
  std::vector<Event> events{{{1, 7, MmId{0}, 2, 0}, Snapshot{}}};
  while (events.size() < count)
    events.push_back({{events.size() * 10, 7, MmId{0}, 2, 0}, Fault{events.size() << 12, 3}});
  return events;
}

constexpr std::size_t kPerChunk = 5;
FileBytes five_chunks() { return write_trace(faults(5 * kPerChunk), kPerChunk); }

std::vector<Event> without_lost(const std::vector<Event>& events) {
  std::vector<Event> rest;
  std::copy_if(events.begin(), events.end(), std::back_inserter(rest),
               [](const Event& e) { return !std::holds_alternative<Lost>(e.body); });
  return rest;
}

std::uint64_t lost_in(const std::vector<Event>& events) {
  std::uint64_t sum = 0;
  for (const Event& event : events)
    if (const auto* lost = std::get_if<Lost>(&event.body)) sum += lost->count;
  return sum;
}

// The events whose chunks do not contain the byte at `at`.
std::vector<Event> events_elsewhere(const FileBytes& file, std::size_t at) {
  std::vector<Event> kept;
  const std::vector<Event> all = read_trace(file).events;
  for (const ChunkAt& chunk : chunks_of(file)) {
    const std::size_t end = chunk.offset + sizeof chunk.header + chunk.payload.size();
    if (at >= chunk.offset && at < end) continue;
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(chunk.header.first_event);
    kept.insert(kept.end(), first, first + chunk.header.event_count);
  }
  return kept;
}

void require_sound(const Saved& saved) {
  REQUIRE(saved.error == "");
  REQUIRE(saved.read.error == "");
  const auto checked = check(saved.file);
  REQUIRE(checked);
  for (const Finding& finding : checked->findings)
    FAIL(std::string(info_of(finding.kind).name) + ": " + finding.what);
  REQUIRE(saved.read.end->lost == lost_in(saved.read.events));
  REQUIRE(saved.read.end->repaired == !saved.salvage.intact());
  REQUIRE(saved.salvage.lossy() == (lost_in(saved.read.events) != 0));
}

}  // namespace

TEST_CASE("repair of a whole trace changes nothing") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const FileBytes file = write_trace(RandomEvents(seed).take(200), 30);
    const Saved saved = save(file);
    REQUIRE(saved.error == "");
    REQUIRE(saved.salvage.intact());
    // Lost events of the trace itself are random, and so is their sum.
    REQUIRE(saved.read.events == read_trace(file).events);
    REQUIRE_FALSE(saved.read.end->repaired);
  }
  const FileBytes file = five_chunks();
  REQUIRE(save(file).file == file);
}

TEST_CASE("repair of a trace cut anywhere keeps every whole chunk") {
  const FileBytes file = five_chunks();
  const auto chunks = chunks_of(file);
  const std::size_t header_end = chunks[1].offset;
  const std::vector<Event> all = read_trace(file).events;
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    const Saved saved = save(std::span(file).first(size));
    if (size < header_end) {
      REQUIRE_FALSE(saved.error.empty());
      REQUIRE(saved.file.empty());
      continue;
    }
    require_sound(saved);
    std::size_t whole = 0;
    for (const ChunkAt& chunk : chunks)
      if (chunk.offset + sizeof chunk.header + chunk.payload.size() <= size)
        whole += chunk.header.event_count;
    REQUIRE(without_lost(saved.read.events) ==
            std::vector<Event>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(whole)));
    const bool has_end = size >= chunks.back().offset;
    REQUIRE(saved.salvage.end_missing == !has_end);
    REQUIRE(lost_in(saved.read.events) == (has_end ? 0 : 1));
  }
}

TEST_CASE("repair of a trace with one changed byte keeps every event of the other chunks") {
  const FileBytes file = five_chunks();
  const auto chunks = chunks_of(file);
  const std::size_t total = read_trace(file).events.size();
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xff}) {
      CAPTURE(at, change);
      FileBytes damaged = file;
      damaged[at] ^= static_cast<std::byte>(change);
      const Saved saved = save(damaged);
      if (at >= chunks[0].offset && at < chunks[1].offset) {
        REQUIRE(saved.error.starts_with("header chunk is damaged"));
        continue;
      }
      require_sound(saved);
      REQUIRE_FALSE(saved.salvage.intact());
      const std::vector<Event> want = events_elsewhere(file, at);
      REQUIRE(without_lost(saved.read.events) == want);
      REQUIRE(lost_in(saved.read.events) == total - want.size());
    }
  }
}

TEST_CASE("a loss stands where its chunk was") {
  FileBytes damaged = five_chunks();
  damaged[chunks_of(damaged)[3].offset + 50] ^= std::byte{1};
  const Saved saved = save(damaged);
  require_sound(saved);
  REQUIRE(saved.salvage.missing_chunks == 1);
  REQUIRE(saved.salvage.missing_events == kPerChunk);
  REQUIRE(saved.read.end->missing_chunks == 1);
  const Event& lost = saved.read.events[2 * kPerChunk];
  REQUIRE(lost.body == EventBody{Lost{kPerChunk, 0, 0}});
  REQUIRE(lost.head.time_ns == saved.read.events[2 * kPerChunk - 1].head.time_ns);
  // A second repair keeps the statements of the first.
  const Saved again = save(saved.file);
  REQUIRE(again.salvage.intact());
  REQUIRE(again.file == saved.file);
}

TEST_CASE("repair of chunks out of order puts them back") {
  const FileBytes file = five_chunks();
  const auto chunks = chunks_of(file);
  const auto bytes_of_chunk = [&](std::size_t i) {
    const auto begin = file.begin() + static_cast<std::ptrdiff_t>(chunks[i].offset);
    return FileBytes(begin, begin + static_cast<std::ptrdiff_t>(sizeof(format::ChunkHeader) +
                                                                chunks[i].payload.size()));
  };
  FileBytes mixed(file.begin(), file.begin() + sizeof(format::FileHeader));
  for (const std::size_t i : {7, 3, 0, 5, 1, 4, 2, 6}) {
    const FileBytes chunk = bytes_of_chunk(i);
    mixed.insert(mixed.end(), chunk.begin(), chunk.end());
  }
  const Saved saved = save(mixed);
  require_sound(saved);
  REQUIRE(saved.read.events == read_trace(file).events);
  REQUIRE(saved.salvage.missing_chunks == 0);
}

TEST_CASE("repair of two traces in one file keeps the first") {
  const FileBytes file = five_chunks();
  FileBytes both = file;
  const FileBytes other = write_trace(faults(12), 3);
  both.insert(both.end(), other.begin(), other.end());
  const Saved saved = save(both);
  require_sound(saved);
  REQUIRE(saved.read.events == read_trace(file).events);
  REQUIRE(saved.salvage.unused_bytes == other.size());
  // Every chunk twice gives the same result.
  FileBytes twice = file;
  twice.insert(twice.end(), file.begin() + static_cast<std::ptrdiff_t>(chunks_of(file)[1].offset),
               file.end());
  const Saved once = save(twice);
  require_sound(once);
  REQUIRE(once.read.events == read_trace(file).events);
}

TEST_CASE("repair keeps chunks and records of unknown kinds, and compat bits") {
  auto chunks = chunks_of(five_chunks());
  ChunkAt unknown{.header = {}, .offset = 0, .payload = FileBytes(100, std::byte{7})};
  unknown.header.kind = 77;
  unknown.header.codec = 9;
  unknown.header.first_event = kPerChunk;
  chunks.insert(chunks.begin() + 2, unknown);
  format::FileHeader header;
  header.compat = 0x50;
  const FileBytes file = assemble(header, chunks);
  FileBytes damaged = file;
  damaged[chunks_of(file)[4].offset + 60] ^= std::byte{1};
  const Saved saved = save(damaged);
  require_sound(saved);
  REQUIRE(saved.read.skipped == 1);
  REQUIRE(TraceReader::open(saved.file)->compat() == 0x50);
  const auto kept = chunks_of(saved.file);
  REQUIRE(kept[2].header.kind == 77);
  REQUIRE(kept[2].header.codec == 9);
  REQUIRE(kept[2].payload == unknown.payload);
}

TEST_CASE("what is no trace, or has lost its header chunk, cannot be repaired") {
  const std::string text = "# anonvma trace release=6.18\n";
  REQUIRE(save(std::as_bytes(std::span(text))).error == "not an anonvma trace");
  REQUIRE(save({}).error == "file is empty");
  format::FileHeader newer;
  newer.version = 2;
  REQUIRE(save(assemble(newer, chunks_of(five_chunks()))).error.find("update anonvma") !=
          std::string::npos);
}

// A file that consists of begins of large chunks must not be checksummed once for each of them.
TEST_CASE("magics without chunks cost no more than the file") {
  FileBytes file = five_chunks();
  const std::size_t good = file.size();
  file.resize(1 << 20);
  format::ChunkHeader header;
  header.kind = format::kEventsChunk;
  for (std::size_t at = good; at + sizeof header <= file.size(); at += sizeof header) {
    header.stored_bytes = static_cast<std::uint32_t>(file.size() - at - sizeof header);
    std::memcpy(&file[at], &header, sizeof header);
  }
  const Saved saved = save(file);
  require_sound(saved);
  REQUIRE(saved.read.events.size() == 5 * kPerChunk);
}
