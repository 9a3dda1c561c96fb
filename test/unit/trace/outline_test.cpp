// The summary of `info` equals a reading of the whole trace.
#include "engine/trace/outline.h"

#include "engine/trace/salvage.h"
#include "test/catch.h"
#include "test/support/random_events.h"
#include "test/support/trace_bytes.h"

using namespace anonvma;
using namespace anonvma::test;

namespace {

std::uint64_t count(const EventCounts& by_type) {
  std::uint64_t sum = 0;
  for (const auto& [type, events] : by_type) sum += events;
  return sum;
}

// A file of the first writers: it has neither counts nor hash.
FileBytes of_early_writer(const FileBytes& file) {
  auto chunks = chunks_of(file);
  EndInfo end = *read_trace(file).end;
  end.events_by_type.clear();
  end.events_chunks = end.raw_bytes = 0;
  const std::string json = to_json(end);
  const auto bytes = std::as_bytes(std::span(json));
  chunks[chunks.size() - 2].payload.assign(bytes.begin(), bytes.end());
  FileBytes& footer = chunks.back().payload;
  footer.erase(footer.end() - sizeof(format::FooterTail) - 8,
               footer.end() - sizeof(format::FooterTail));
  return assemble({}, chunks);
}

// The events chunk holds one exit_task and two records of type 200.
FileBytes of_newer_writer() {
  const std::vector<Event> three(3, Event{{}, ExitTask{}});
  auto chunks = chunks_of(write_trace(three));
  FileBytes payload;
  for (const int byte : {1, 3, 2, 14, 1, 0, 200, 1, 2, 1, 2, 200, 14, 200, 9, 9})
    payload.push_back(static_cast<std::byte>(byte));
  EndInfo end;
  end.events = 3;
  end.events_by_type = {{"exit_task", 1}, {"of_the_future", 2}};
  end.events_chunks = 1;
  end.raw_bytes = payload.size();
  chunks[1].header.codec = format::kStored;
  chunks[1].payload = std::move(payload);
  const std::string json = to_json(end);
  const auto bytes = std::as_bytes(std::span(json));
  chunks[2].payload.assign(bytes.begin(), bytes.end());
  ChunkAt unknown{.header = {}, .offset = 0, .payload = FileBytes(10, std::byte{7})};
  unknown.header.kind = 77;
  chunks.insert(chunks.begin() + 1, unknown);
  format::FileHeader header;
  header.compat = 4;
  return assemble(header, chunks);
}

}  // namespace

TEST_CASE("the outline of a trace is what reading it says") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const auto events = RandomEvents(seed).take(seed == 1 ? 0 : seed * 20);
    Meta meta;
    meta.release = "6.18";
    const FileBytes file = write_trace(events, seed, meta, EndInfo{.duration_ns = seed});
    const ReadBack read = read_trace(file);
    REQUIRE(read.error == "");
    const auto outline = read_outline(file);
    REQUIRE(outline);
    REQUIRE(outline->meta == read.meta);
    REQUIRE(outline->end == *read.end);
    REQUIRE(outline->hash == read.hash);
    REQUIRE(outline->chunks == chunks_of(file).size());
    REQUIRE(outline->skipped_chunks + outline->skipped_records == 0);
    EventCounts by_type;
    for (const Event& event : events) ++by_type[std::string(name_of(type_of(event.body)))];
    REQUIRE(outline->end.events_by_type == by_type);
    std::uint64_t raw = 0;
    for (const ChunkAt& chunk : chunks_of(file))
      if (chunk.header.kind == format::kEventsChunk) raw += chunk.header.raw_bytes;
    REQUIRE(outline->end.raw_bytes == raw);
  }
}

TEST_CASE("the outline tells what newer writers have put in") {
  const FileBytes file = of_newer_writer();
  const ReadBack read = read_trace(file);
  REQUIRE(read.error == "");
  REQUIRE(read.skipped == 3);
  const auto outline = read_outline(file);
  REQUIRE(outline);
  REQUIRE(outline->skipped_records == 2);
  REQUIRE(outline->skipped_chunks == 1);
  REQUIRE(outline->compat == 4);
}

TEST_CASE("repair counts records of unknown types by their number") {
  FileBytes out;
  REQUIRE(salvage(of_newer_writer(), append_to(out)));
  const EventCounts want{{"200", 2}, {"exit_task", 1}};
  REQUIRE(read_outline(out)->end.events_by_type == want);
  REQUIRE(read_outline(out)->skipped_records == 2);
}

TEST_CASE("traces of early writers have no outline and are read as before") {
  const auto events = RandomEvents(5).take(50);
  const FileBytes file = of_early_writer(write_trace(events, 9));
  REQUIRE_FALSE(read_outline(file));
  REQUIRE(read_trace(file).error == "");
  REQUIRE(read_trace(file).events == events);
  FileBytes out;
  REQUIRE(salvage(file, append_to(out))->intact());
  REQUIRE(read_outline(out));
  REQUIRE(count(read_outline(out)->end.events_by_type) == 50);
}

TEST_CASE("no outline is made of a damaged end, header or footer, or of a file cut short") {
  const FileBytes file = write_trace(RandomEvents(7).take(40), 10);
  const auto chunks = chunks_of(file);
  const std::size_t events_begin = chunks[1].offset, events_end = chunks[chunks.size() - 2].offset;
  const std::string hash = read_outline(file)->hash;
  for (std::size_t at = 0; at < file.size(); ++at) {
    CAPTURE(at);
    REQUIRE_FALSE(read_outline(std::span(file).first(at)));
    FileBytes damaged = file;
    damaged[at] ^= std::byte{0x20};
    const auto outline = read_outline(damaged);
    REQUIRE(static_cast<bool>(outline) == (at >= events_begin && at < events_end));
    if (outline) REQUIRE(outline->hash == hash);
  }
}

TEST_CASE("a type that another program knew only by its number is known by its name") {
  const EventCounts counts{{"16", 3}, {"fault", 4}, {"200", 5}, {"of_the_future", 6}};
  REQUIRE(count_of(counts, 16) == 7);
  REQUIRE(count_of(counts, 200) == 0);
  REQUIRE(count_of(counts, 1) == 0);
}
