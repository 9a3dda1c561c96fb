// Encode and decode speed, and bytes per event, over a synthetic stream of several processes that
// mostly fault, and over traces/samples/compile.trace where it is present.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <random>
#include <vector>

#include "cmd/files/mapped_file.h"
#include "engine/trace/reader.h"
#include "engine/trace/writer.h"

namespace anonvma {
namespace {

using FileBytes = std::vector<std::byte>;

// A process runs for a slice of time, then another one. It faults in one of a few areas, mostly at
// the next page, and now and then maps, protects or unmaps.
class SyntheticStream {
 public:
  std::vector<Event> take(std::size_t count) {
    std::vector<Event> events;
    events.reserve(count);
    while (events.size() < count) events.push_back(next());
    return events;
  }

 private:
  struct Process {
    std::uint32_t mm = 0, tid = 0, seq = 0, map_count = 24;
    std::array<std::uint64_t, 5> areas{};
  };

  Event next() {
    if (random_() % 40 == 0) running_ = random_() % processes_.size();
    Process& process = processes_[running_];
    if (process.mm == 0 || random_() % 3000 == 0) start(process);
    // Two faults in a row are about a microsecond apart, rarely much more.
    time_ns_ += 400 + random_() % 1200 + (random_() % 16 == 0 ? random_() % 60000 : 0);
    Event event;
    event.head.time_ns = time_ns_;
    event.head.tid = process.tid;
    event.head.mm = MmId{process.mm};
    if (random_() % 12 != 0)
      fault(event, process);
    else
      operate(event, process);
    return event;
  }

  void start(Process& process) {
    process = {.mm = ++last_mm_, .tid = 1000 + last_mm_ * 2, .areas = {}};
    process.areas = {0x555500000000 + page(1 << 20), 0x555600000000 + page(1 << 20),
                     0x7f0000000000 + page(1 << 26), 0x7f0000000000 + page(1 << 26),
                     0x7ffc00000000 + page(1 << 20)};
  }

  void fault(Event& event, Process& process) {
    if (random_() % 6 == 0) area_ = random_() % process.areas.size();
    process.areas[area_] += random_() % 8 == 0 ? page(64) : 4096;
    event.head.seq = process.seq;
    event.body = Fault{process.areas[area_], 3};
  }

  void operate(Event& event, Process& process) {
    event.head.seq = process.seq + 1;
    event.head.map_count = process.map_count;
    process.seq += 2;
    const std::uint64_t address = process.areas[2] + page(256), length = 4096 + page(32);
    switch (random_() % 3) {
      case 0:
        event.body = Map{.addr = 0,
                         .len = length,
                         .prot = 3,
                         .map_flags = 0x22,
                         .vm_flags = 0x8100073,
                         .pgoff = 0,
                         .file = 0,
                         .stored_file = 0,
                         .ops = kOpsAnonymous,
                         .ret = static_cast<std::int64_t>(address)};
        ++process.map_count;
        break;
      case 1:
        event.body = Protect{address, length, 1, -1, 0};
        break;
      default:
        event.body = Unmap{address, length, 0};
        --process.map_count;
    }
  }

  std::uint64_t page(std::uint64_t below) { return random_() % below << 12; }

  std::mt19937_64 random_{1};
  std::vector<Process> processes_ = std::vector<Process>(6);
  std::size_t running_ = 0, area_ = 0;
  std::uint32_t last_mm_ = 0;
  std::uint64_t time_ns_ = 0;
};

std::size_t write_all(const std::vector<Event>& events, FileBytes& file) {
  file.clear();
  const auto sink = [&file](std::span<const std::byte> bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
    return ok();
  };
  auto writer = TraceWriter::create(sink, Meta{});
  for (const Event& event : events) {
    if (!writer->add(event)) std::abort();
  }
  if (!writer->finish({})) std::abort();
  return file.size();
}

std::uint64_t read_all(std::span<const std::byte> bytes, std::vector<Event>* keep = nullptr) {
  auto reader = TraceReader::open(bytes);
  std::uint64_t count = 0;
  while (reader) {
    const auto events = reader->next();
    if (!events || events->empty()) break;
    benchmark::DoNotOptimize(events->data());
    count += events->size();
    if (keep) keep->insert(keep->end(), events->begin(), events->end());
  }
  return count;
}

void set_counters(benchmark::State& state, std::uint64_t events, std::size_t bytes) {
  state.SetItemsProcessed(static_cast<std::int64_t>(events * state.iterations()));
  state.counters["bytes_per_event"] = static_cast<double>(bytes) / static_cast<double>(events);
}

void encode(benchmark::State& state, const std::vector<Event>& events) {
  FileBytes file;
  for (auto _ : state) write_all(events, file);
  set_counters(state, events.size(), file.size());
}

void decode(benchmark::State& state, std::span<const std::byte> bytes) {
  std::uint64_t events = 0;
  for (auto _ : state) events = read_all(bytes);
  set_counters(state, events, bytes.size());
}

void encode_synthetic(benchmark::State& state) { encode(state, SyntheticStream().take(1 << 20)); }
void decode_synthetic(benchmark::State& state) {
  FileBytes file;
  write_all(SyntheticStream().take(1 << 20), file);
  decode(state, file);
}
BENCHMARK(encode_synthetic)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_synthetic)->Unit(benchmark::kMillisecond);

constexpr const char* kSample = ANONVMA_SOURCE_DIR "/traces/samples/compile.trace";

void sample(benchmark::State& state, bool encoding) {
  const auto file = cmd::MappedFile::open(kSample);
  if (!file) return state.SkipWithError(file.error().message.c_str());
  if (!encoding) return decode(state, file->bytes());
  std::vector<Event> events;
  read_all(file->bytes(), &events);
  encode(state, events);
}
BENCHMARK_CAPTURE(sample, encode_compile, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(sample, decode_compile, false)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace anonvma
