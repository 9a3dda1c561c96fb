// Traces that come through a pipe: the copy of it, and a reader that does not wait for its end.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "cmd/files/mapped_file.h"
#include "cmd/files/pipe_copy.h"
#include "engine/trace/reader.h"
#include "engine/trace/writer.h"
#include "test/catch.h"

using namespace anonvma;
using namespace anonvma::cmd;

namespace {

using Bytes = std::vector<std::byte>;

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() { REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0); }
  ~Pipe() { close_write(); }
  void close_write() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
  void write_all(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::write(ends[1], bytes.data(), bytes.size());
      if (n <= 0) return;
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
};

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>((i * 31 + i / 997) & 255);
  return bytes;
}

// A trace of several chunks. `parts` gets the bytes as they leave the writer.
std::vector<Bytes> trace_in_parts(std::size_t chunks) {
  std::vector<Bytes> parts;
  auto writer = TraceWriter::create(
      [&](std::span<const std::byte> bytes) -> Status {
        parts.emplace_back(bytes.begin(), bytes.end());
        return ok();
      },
      Meta{});
  REQUIRE(writer);
  for (std::size_t i = 0; i < chunks; ++i) {
    REQUIRE(writer->add({{i, 1, MmId{0}, 3, 0}, Map{}}));
    REQUIRE(writer->flush());
  }
  REQUIRE(writer->finish(EndInfo{}));
  return parts;
}

}  // namespace

TEST_CASE("pipe: the copy has every byte, however it came") {
  for (const ReadTimes times : {ReadTimes::once, ReadTimes::twice}) {
    Pipe pipe;
    const Bytes sent = pattern(5'000'000);
    auto copy = PipeCopy::create(pipe.ends[0], "p", times);
    REQUIRE(copy);
    std::jthread writer([&] {
      pipe.write_all(sent);
      pipe.close_write();
    });
    const auto first = (*copy)->more(0, 10);
    REQUIRE(first);
    CHECK(first->size() >= 10);
    const auto all = (*copy)->all();
    REQUIRE(all);
    CHECK(std::equal(all->begin(), all->end(), sent.begin(), sent.end()));
    CHECK(all->data() == first->data());
  }
}

TEST_CASE("pipe: what was given back comes again in a second reading") {
  Pipe pipe;
  const Bytes sent = pattern(6u << 20);
  auto copy = PipeCopy::create(pipe.ends[0], "p", ReadTimes::twice);
  REQUIRE(copy);
  std::jthread writer([&] {
    pipe.write_all(sent);
    pipe.close_write();
  });
  REQUIRE((*copy)->more(5u << 20, 6u << 20));
  const auto again = (*copy)->more(0, 100);
  REQUIRE(again);
  CHECK(std::equal(again->begin(), again->end(), sent.begin(), sent.end()));
}

TEST_CASE("pipe: a folder for the copy that does not exist is named") {
  Pipe pipe;
  const char* const before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("TMPDIR", "/nonexistent", 1);
  const auto copy = PipeCopy::create(pipe.ends[0], "p", ReadTimes::twice);
  before == nullptr ? unsetenv("TMPDIR") : setenv("TMPDIR", kept.c_str(), 1);
  REQUIRE_FALSE(copy);
  CHECK(copy.error().code == ErrorCode::io);
  CHECK_THAT(copy.error().message,
             ContainsSubstring("/nonexistent") && ContainsSubstring("TMPDIR"));
}

TEST_CASE("pipe: a reader gives the events of a chunk before the next one comes") {
  const std::vector<Bytes> parts = trace_in_parts(3);
  Bytes there;
  std::size_t given = 0;
  // Gives one part at a time, and only when it is asked for more than is there.
  there.reserve(1u << 20);
  const auto more = [&](std::uint64_t, std::uint64_t wanted) -> Result<std::span<const std::byte>> {
    while (there.size() < wanted && given < parts.size()) {
      there.insert(there.end(), parts[given].begin(), parts[given].end());
      ++given;
    }
    return std::span<const std::byte>(there);
  };
  auto reader = TraceReader::open_live(more);
  REQUIRE(reader);
  CHECK(reader->is_live());
  CHECK_FALSE(reader->end());
  for (std::size_t chunk = 1; chunk <= 3; ++chunk) {
    const auto events = reader->next();
    REQUIRE(events);
    REQUIRE(events->size() == 1);
    CHECK(events->front().head.time_ns == chunk - 1);
    CHECK(given <= chunk + 2);  // the preamble, the header, and the chunks up to this one
    CHECK(reader->bytes_read() == there.size());
  }
  const auto none = reader->next();
  REQUIRE(none);
  CHECK(none->empty());
  REQUIRE(reader->end());
  CHECK(reader->end()->events == 3);
  auto second = reader->again();
  REQUIRE(second);
  REQUIRE(second->next());
  CHECK(second->hash() != reader->hash());  // it is at the first chunk
}

TEST_CASE("pipe: a trace that is cut off anywhere is an error, as in a file") {
  Bytes whole;
  for (const Bytes& part : trace_in_parts(2)) whole.insert(whole.end(), part.begin(), part.end());
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::span<const std::byte> cut(whole.data(), size);
    const auto read = [](Result<TraceReader> reader) {
      for (;;) {
        if (!reader) return reader.error().message;
        const auto events = reader->next();
        if (!events) return events.error().message;
        if (events->empty()) return std::string();
      }
    };
    // A pipe that has never more than it was asked for.
    const auto exactly = [&](std::uint64_t,
                             std::uint64_t wanted) -> Result<std::span<const std::byte>> {
      return cut.first(std::min<std::size_t>(wanted, cut.size()));
    };
    const std::string live = read(TraceReader::open_live(exactly));
    REQUIRE(live == read(TraceReader::open(cut)));
    REQUIRE(live.empty() == (size == whole.size()));
  }
}

TEST_CASE("pipe: an error of the pipe is the reader's error") {
  const auto reader = TraceReader::open_live(
      [](std::uint64_t, std::uint64_t) -> Result<std::span<const std::byte>> {
        return Error{ErrorCode::io, "no space"};
      });
  REQUIRE_FALSE(reader);
  CHECK(reader.error().code == ErrorCode::io);
}
