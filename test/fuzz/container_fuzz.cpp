// Any bytes as a trace file: unchanged, and with their checksums repaired.
#include <string>

#include "engine/trace/reader.h"
#include "engine/trace/writer.h"
#include "test/fuzz/fuzz.h"

namespace anonvma::fuzz {
namespace {

struct Reading {
  std::vector<Event> events;
  Meta meta;
  std::optional<EndInfo> end;
  bool opened = false, complete = false;
};

void read(Input file, bool keep, Reading& reading) {
  reading.events.clear();
  reading.complete = false;
  auto reader = TraceReader::open(file);
  reading.opened = static_cast<bool>(reader);
  if (!reader) return require(!reader.error().message.empty(), "an error says what");
  for (;;) {
    const auto events = reader->next();
    if (!events) {
      const auto again = reader->next();
      return require(!again && again.error().message == events.error().message,
                     "an error stays the same");
    }
    if (events->empty()) break;
    if (keep) reading.events.insert(reading.events.end(), events->begin(), events->end());
  }
  require(reader->next() && reader->next()->empty(), "the end stays the end");
  reading.complete = true;
  if (!keep) return;
  reading.meta = reader->meta();
  reading.end = reader->end();
}

// The events are written again, and read as the same events.
void round_trip(const Reading& first) {
  static std::vector<std::byte> file;
  file.clear();
  const auto append = [](std::span<const std::byte> bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
    return ok();
  };
  auto writer = TraceWriter::create(append, first.meta);
  require(static_cast<bool>(writer), "what was read can be written");
  for (const Event& event : first.events) (void)writer->add(event);
  require(static_cast<bool>(writer->finish(first.end.value_or(EndInfo{}))), "the writer finishes");
  static Reading second;
  read(file, true, second);
  require(second.complete, "what was written reads to its end");
  require(second.meta == first.meta, "meta comes back");
  require(second.events == first.events, "events come back");
}

}  // namespace
}  // namespace anonvma::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anonvma::fuzz;
  static Reading reading;
  static std::vector<std::byte> repaired;
  const Input input = as_input(data, size);
  const bool keep = one_in(64, input);
  read(input, keep, reading);
  if (repair(input, repaired)) read(repaired, keep, reading);
  if (keep && reading.complete) round_trip(reading);
  return 0;
}
