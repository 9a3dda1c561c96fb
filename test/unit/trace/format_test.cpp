// The container: traces/FORMAT.md's own example, damage of every kind, and files of the future.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/trace/text.h"
#include "test/catch.h"
#include "test/support/random_events.h"
#include "test/support/trace_bytes.h"

using namespace anonvma;
using namespace anonvma::test;

namespace {

std::string format_page() {
  std::ifstream in(ANONVMA_SOURCE_DIR "/traces/FORMAT.md");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The n-th block of the page that is fenced as ```language.
std::string block(const std::string& page, const std::string& language, int n = 0) {
  const std::string fence = "\n```" + language + "\n";
  std::size_t at = 0;
  for (int i = 0; i <= n; ++i) at = page.find(fence, at) + fence.size();
  return page.substr(at, page.find("\n```", at) + 1 - at);
}

// "00000010  89 61 ...  |text|": the bytes between the offset and the bar.
FileBytes bytes_of_hexdump(const std::string& dump) {
  FileBytes bytes;
  std::istringstream lines(dump);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('|')));
    std::string word;
    words >> word;
    REQUIRE(std::stoul(word, nullptr, 16) == bytes.size());
    while (words >> word) bytes.push_back(static_cast<std::byte>(std::stoul(word, nullptr, 16)));
  }
  return bytes;
}

struct Example {
  FileBytes file;
  std::vector<Event> events;
  Meta meta;
  EndInfo end;
};

Example example() {
  const std::string page = format_page();
  return {bytes_of_hexdump(block(page, "hexdump")), *parse_text(block(page, "events")),
          *parse_meta(block(page, "json", 0)), *parse_end_info(block(page, "json", 1))};
}

bool is_prefix(const std::vector<Event>& part, const std::vector<Event>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

std::string coding_name(Coding coding) {
  switch (coding) {
    case Coding::number:
      return "number";
    case Coding::address:
      return "address";
    case Coding::bits:
      return "bits";
    case Coding::text:
      return "text";
  }
  return "";
}

template <class Body>
std::string table_row() {
  std::string row =
      "| " + std::to_string(static_cast<int>(Body::type)) + " | " + std::string(Body::name) + " |";
  std::apply(
      [&row](const auto&... f) {
        ((row += " " + std::string(f.name) + " `" + coding_name(f.coding) + "`,"), ...);
      },
      Body::fields());
  if (row.back() == ',') row.pop_back();
  return row + " |";
}

template <std::size_t... I>
std::vector<std::string> table_rows(std::index_sequence<I...>) {
  return {table_row<std::variant_alternative_t<I, EventBody>>()...};
}

// Five events of two mms in three chunks.
FileBytes small_file() { return write_trace(example().events, 2); }

void put(FileBytes& out, std::initializer_list<int> bytes) {
  for (const int byte : bytes) out.push_back(static_cast<std::byte>(byte));
}

// A file whose only events chunk has this payload, stored.
FileBytes file_with_payload(FileBytes payload, std::uint32_t events) {
  auto chunks = chunks_of(write_trace(std::vector<Event>(events, Event{{}, ExitTask{}})));
  chunks[1].header.codec = format::kStored;
  chunks[1].payload = std::move(payload);
  return assemble({}, chunks);
}

}  // namespace

TEST_CASE("the example of FORMAT.md reads as it says") {
  const Example want = example();
  const ReadBack got = read_trace(want.file);
  REQUIRE(got.error == "");
  REQUIRE(got.events == want.events);
  REQUIRE(got.meta == want.meta);
  REQUIRE(got.end == want.end);
  REQUIRE(got.skipped == 0);
}

TEST_CASE("the writer writes the example of FORMAT.md byte by byte") {
  const Example want = example();
  REQUIRE(write_trace(want.events, 0, want.meta, want.end) == want.file);
}

TEST_CASE("FORMAT.md lists every event type and column") {
  const std::string page = format_page();
  for (const std::string& row :
       table_rows(std::make_index_sequence<std::variant_size_v<EventBody>>{})) {
    CAPTURE(row);
    REQUIRE(page.find("\n" + row + "\n") != page.npos);
  }
}

TEST_CASE("every prefix of a trace gives its first events and an error") {
  for (const FileBytes& file : {small_file(), write_trace(RandomEvents(3).take(20), 6)}) {
    const ReadBack whole = read_trace(file);
    REQUIRE(whole.error.empty());
    for (std::size_t size = 0; size < file.size(); ++size) {
      CAPTURE(size);
      const ReadBack got = read_trace(std::span(file).first(size));
      REQUIRE_FALSE(got.error.empty());
      REQUIRE((size == 0 || got.error_offset <= size));
      REQUIRE(is_prefix(got.events, whole.events));
    }
  }
}

TEST_CASE("errors of a file cut short say where") {
  const FileBytes file = small_file();
  const auto chunks = chunks_of(file);
  REQUIRE(chunks.size() == 6);
  const auto error_at = [&file](std::size_t size) {
    return read_trace(std::span(file).first(size));
  };
  REQUIRE(error_at(0).error == "file is empty");
  REQUIRE(error_at(5).error == "file ends inside its header");
  REQUIRE(error_at(24).error == "file ends inside a chunk");
  const ReadBack cut = error_at(chunks[2].offset + 50);
  REQUIRE(cut.error == "file ends inside a chunk");
  REQUIRE(cut.error_offset == chunks[2].offset);
  REQUIRE(cut.events.size() == 2);
  const ReadBack killed = error_at(chunks[4].offset);
  REQUIRE(killed.error == "file has no end chunk: the recorder was cut short");
  REQUIRE(killed.error_offset == chunks[4].offset);
  REQUIRE(killed.events.size() == 5);
  REQUIRE(error_at(chunks[5].offset).error == "file ends before its footer, after its last event");
}

TEST_CASE("each flipped bit of a trace gives an error") {
  const FileBytes file = small_file();
  const ReadBack whole = read_trace(file);
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      CAPTURE(at, bit);
      FileBytes damaged = file;
      damaged[at] ^= static_cast<std::byte>(1 << bit);
      const ReadBack got = read_trace(damaged);
      REQUIRE_FALSE(got.error.empty());
      REQUIRE(is_prefix(got.events, whole.events));
    }
  }
  FileBytes damaged = file;
  const std::size_t offset = chunks_of(file)[2].offset;
  damaged[offset + sizeof(format::ChunkHeader) + 3] ^= std::byte{0x10};
  REQUIRE(read_trace(damaged).error == "chunk 2: checksum differs");
  REQUIRE(read_trace(damaged).error_offset == offset);
}

TEST_CASE("what is no trace is told so") {
  const std::string text = "# anonvma trace release=6.18\n0.000000000 exit_task\n";
  REQUIRE(read_trace(std::as_bytes(std::span(text))).error == "not an anonvma trace");
  REQUIRE(read_trace(std::as_bytes(std::span(text)).first(1)).error == "not an anonvma trace");
}

TEST_CASE("newer versions and incompat bits are refused, compat bits are not") {
  const auto chunks = chunks_of(small_file());
  format::FileHeader header;
  header.version = 2;
  REQUIRE(read_trace(assemble(header, chunks)).error ==
          "format version 2 is newer than this program reads (1): update anonvma");
  header.version = 0;
  REQUIRE(read_trace(assemble(header, chunks)).error == "format version 0 does not exist");
  header.version = 1;
  header.incompat = 6;
  REQUIRE(read_trace(assemble(header, chunks)).error ==
          "file needs features that this program does not know (0x6): update anonvma");
  header.incompat = 0;
  header.compat = ~0u;
  REQUIRE(read_trace(assemble(header, chunks)).events == example().events);
}

TEST_CASE("chunks of unknown kinds are skipped and counted") {
  auto chunks = chunks_of(small_file());
  ChunkAt unknown{.header = {}, .offset = 0, .payload = FileBytes(100, std::byte{7})};
  unknown.header.kind = 77;
  unknown.header.codec = 9;
  unknown.header.first_event = 2;
  chunks.insert(chunks.begin() + 2, unknown);
  const FileBytes file = assemble({}, chunks);
  const ReadBack got = read_trace(file);
  REQUIRE(got.error == "");
  REQUIRE(got.skipped == 1);
  REQUIRE(got.events == example().events);
  REQUIRE(got.hash != read_trace(small_file()).hash);
}

TEST_CASE("records of unknown types are skipped and counted") {
  FileBytes payload;
  put(payload, {2, 3, 3});             // head columns: types and times
  put(payload, {2});                   // two types
  put(payload, {14, 1, 0});            // one exit_task
  put(payload, {200, 1, 2, 2, 4, 1});  // two of type 200, with columns of 4 and 1 bytes
  put(payload, {200, 14, 200, 2, 2, 2, 0xff, 0xff, 0xff, 0xff, 0xff});
  const ReadBack got = read_trace(file_with_payload(payload, 3));
  REQUIRE(got.error == "");
  REQUIRE(got.skipped == 2);
  REQUIRE(got.events == std::vector<Event>{{{2, 0, {}, 0, 0}, ExitTask{}}});
}

TEST_CASE("columns behind the known ones are skipped") {
  FileBytes payload;
  put(payload, {9, 2, 2, 2, 1, 2, 2, 2, 5, 1});              // two head columns more
  put(payload, {2, 15, 1, 1, 2, 16, 1, 3, 1, 1, 4});         // exit_mmap has one, fault three
  put(payload, {16, 15, 2, 2, 2, 0, 8, 10, 0, 0, 0, 0, 0});  // mm 4, tid 5
  put(payload, {0, 9, 9, 9, 9, 9, 8, 7, 21, 3, 1, 2, 3, 4});
  const ReadBack got = read_trace(file_with_payload(payload, 2));
  REQUIRE(got.error == "");
  REQUIRE(got.skipped == 0);
  REQUIRE(got.events == std::vector<Event>{{{1, 5, MmId{4}, 0, 0}, Fault{0x5000, 3}},
                                           {{2, 5, MmId{4}, 0, 0}, ExitMmap{}}});
}

TEST_CASE("columns that the file lacks read as zero") {
  FileBytes payload;
  put(payload, {1, 2});                     // only types
  put(payload, {2, 4, 1, 0, 16, 1, 1, 1});  // protect without columns, fault without flags
  put(payload, {16, 4, 21});
  const ReadBack got = read_trace(file_with_payload(payload, 2));
  REQUIRE(got.error == "");
  REQUIRE(got.events ==
          std::vector<Event>{{{}, Fault{0x5000, 0}},
                             {{}, Protect{.addr = 0, .len = 0, .prot = 0, .pkey = 0}}});
}

TEST_CASE("chunks in the wrong place are refused") {
  const auto good = chunks_of(small_file());
  const auto error_of = [](std::vector<ChunkAt> chunks) {
    return read_trace(assemble({}, std::move(chunks))).error;
  };
  REQUIRE(error_of(good) == "");
  REQUIRE(error_of({good[1], good[4], good[5]}) == "chunk 0: is not the header");
  REQUIRE(error_of({good[0], good[0]}) == "chunk 1: is a second header");
  REQUIRE(error_of({good[0], good[2], good[4], good[5]}) ==
          "chunk 1: its first event does not follow the chunk before");
  REQUIRE(error_of({good[0], good[1], good[2], good[3], good[5]}) ==
          "chunk 4: footer comes before the end chunk");
  REQUIRE(error_of({good[0], good[1], good[2], good[3], good[4], good[4], good[5]}) ==
          "chunk 5: is a second end chunk");
  auto longer = small_file();
  longer.push_back({});
  REQUIRE(read_trace(longer).error == "file goes on after its footer");
}

TEST_CASE("the hash is that of the chunks") {
  const auto events = example().events;
  const std::string hash = read_trace(write_trace(events, 2)).hash;
  REQUIRE(hash.size() == 16);
  REQUIRE(hash == read_trace(write_trace(events, 2)).hash);
  auto other = events;
  other[0].head.time_ns += 1;
  REQUIRE(hash != read_trace(write_trace(other, 2)).hash);
}
