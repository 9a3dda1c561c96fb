// Written events are read back unchanged: random events of every type, extremes included.
#include "engine/trace/columns.h"
#include "test/catch.h"
#include "test/support/random_events.h"
#include "test/support/trace_bytes.h"

using namespace anonvma;
using namespace anonvma::test;

TEST_CASE("random events survive the column codec") {
  ColumnEncoder encoder;
  ColumnDecoder decoder;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    const auto events = RandomEvents(seed).take(1 + seed * 7 % 500);
    for (const Event& event : events) encoder.add(event);
    REQUIRE(encoder.events() == events.size());
    const auto payload = encoder.finish();
    REQUIRE(encoder.events() == 0);
    const auto got = decoder.decode(payload, static_cast<std::uint32_t>(events.size()));
    REQUIRE(got);
    REQUIRE(std::equal(events.begin(), events.end(), got->begin(), got->end()));
  }
}

TEST_CASE("a payload cut short or with another event count is refused") {
  ColumnEncoder encoder;
  ColumnDecoder decoder;
  const auto events = RandomEvents(11).take(40);
  for (const Event& event : events) encoder.add(event);
  const auto payload = encoder.finish();
  for (std::size_t size = 0; size < payload.size(); ++size) {
    CAPTURE(size);
    REQUIRE_FALSE(decoder.decode(payload.first(size), 40));
  }
  REQUIRE_FALSE(decoder.decode(payload, 39));
  REQUIRE_FALSE(decoder.decode(payload, 41));
  REQUIRE_FALSE(decoder.decode(payload, ~0u));
  REQUIRE(decoder.decode(payload, 40));
}

TEST_CASE("random payloads never harm the decoder") {
  ColumnEncoder encoder;
  ColumnDecoder decoder;
  std::mt19937_64 random(5);
  const auto events = RandomEvents(12).take(64);
  for (const Event& event : events) encoder.add(event);
  const auto good = encoder.finish();
  for (int round = 0; round < 20000; ++round) {
    FileBytes payload(good.begin(), good.end());
    for (std::uint64_t flips = 1 + random() % 4; flips > 0; --flips)
      payload[random() % payload.size()] = static_cast<std::byte>(random());
    const auto got = decoder.decode(payload, 64);
    if (got) REQUIRE(got->size() <= 64);
  }
}

TEST_CASE("flush boundaries do not change events, and two writes give the same bytes") {
  for (const std::uint64_t seed : {21, 22, 23}) {
    CAPTURE(seed);
    const auto events = RandomEvents(seed).take(1000);
    for (const std::size_t flush_every : {0, 1, 7, 999}) {
      CAPTURE(flush_every);
      const FileBytes file = write_trace(events, flush_every);
      REQUIRE_FALSE(file.empty());
      REQUIRE(file == write_trace(events, flush_every));
      const ReadBack got = read_trace(file);
      REQUIRE(got.error.empty());
      REQUIRE(got.events == events);
      REQUIRE(got.end);
      REQUIRE(got.end->events == events.size());
      REQUIRE(got.skipped == 0);
    }
  }
}

TEST_CASE("more events than one chunk holds fill several") {
  std::vector<Event> events;
  for (std::uint32_t i = 0; i < 2 * format::kMaxChunkEvents + 5; ++i)
    events.push_back({{.time_ns = i, .tid = 1, .mm = MmId{i % 70000}}, Fault{i * 4096ull, 3}});
  const FileBytes file = write_trace(events);
  REQUIRE(chunks_of(file).size() == 1 + 3 + 2);
  const ReadBack got = read_trace(file);
  REQUIRE(got.error.empty());
  REQUIRE(got.events == events);
}

TEST_CASE("a chunk closes by size long before it reaches the limit") {
  const auto events = RandomEvents(31).take(60000);
  const FileBytes file = write_trace(events);
  for (const ChunkAt& chunk : chunks_of(file))
    REQUIRE(chunk.header.raw_bytes < format::kWriterChunkBytes + 128 * 1024);
  REQUIRE(read_trace(file).events == events);
}

TEST_CASE("a sink's error stops the writer and comes back from every call") {
  int calls = 0;
  auto writer = TraceWriter::create(
      [&calls](std::span<const std::byte>) -> Status {
        if (++calls == 2) return Error{ErrorCode::io, "disk is full"};
        return ok();
      },
      Meta{});
  REQUIRE(writer);
  REQUIRE(writer->add({{}, ExitTask{}}));
  REQUIRE(writer->flush().error().message == "disk is full");
  REQUIRE(writer->add({{}, ExitTask{}}).error().message == "disk is full");
  REQUIRE(writer->finish({}).error().message == "disk is full");
  REQUIRE(calls == 2);
}

TEST_CASE("a moved writer and reader go on where they were") {
  FileBytes file;
  auto created = TraceWriter::create(append_to(file), Meta{});
  REQUIRE(created);
  TraceWriter writer = std::move(*created);
  REQUIRE(writer.add({{}, Lost{.count = 4, .kind = 0, .cpu = 1}}));
  REQUIRE(writer.finish({.duration_ns = 9}));
  REQUIRE(writer.bytes() == file.size());
  auto opened = TraceReader::open(file);
  REQUIRE(opened);
  TraceReader reader = std::move(*opened);
  REQUIRE(reader.end());  // from the footer, before the events were read
  REQUIRE(reader.end()->duration_ns == 9);
  REQUIRE(reader.next()->size() == 1);
  REQUIRE(reader.next()->empty());
  REQUIRE(reader.next()->empty());
}
