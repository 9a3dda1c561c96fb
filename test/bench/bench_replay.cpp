// Replay of the bundled compile workload: events/s and object operations/s per strategy,
// decoding not included.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "engine/replay/driver.h"
#include "engine/strategy/registry.h"
#include "engine/trace/reader.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {
namespace {

struct Sample {
  Meta meta;
  std::vector<Event> events;
};

const Sample& sample() {
  static const Sample loaded = [] {
    Sample s;
    std::ifstream file(ANONVMA_SOURCE_DIR "/traces/samples/compile.trace", std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    auto reader = TraceReader::open(std::as_bytes(std::span(bytes)));
    if (!reader) return s;
    s.meta = reader->meta();
    for (;;) {
      const auto batch = reader->next();
      if (!batch || batch->empty()) return s;
      s.events.insert(s.events.end(), batch->begin(), batch->end());
    }
  }();
  return loaded;
}

void replay_strategy(benchmark::State& state, const StrategyInfo& strategy) {
  const Sample& s = sample();
  if (s.events.empty()) {
    state.SkipWithError("traces/samples/compile.trace cannot be read");
    return;
  }
  std::uint64_t objects = 0;
  for (auto _ : state) {
    SlabAccount slab;
    AddressSpaces spaces(rules_for_release(s.meta.release), s.meta.page_size, strategy, slab);
    Driver driver(spaces, slab);
    std::uint64_t index = 0;
    for (const Event& event : s.events) driver.apply(event, index++);
    driver.finish();
    for (const CacheIndex c : {kVmAreaStruct, kAnonVmaChain, kAnonVma})
      objects += slab.usage(c).allocs + slab.usage(c).frees;
  }
  const auto events = static_cast<double>(s.events.size() * state.iterations());
  state.counters["events/s"] = benchmark::Counter(events, benchmark::Counter::kIsRate);
  state.counters["objects/s"] =
      benchmark::Counter(static_cast<double>(objects), benchmark::Counter::kIsRate);
}

const bool registered = [] {
  for (const StrategyInfo& s : strategies())
    benchmark::RegisterBenchmark(("replay/" + std::string(s.name)).c_str(),
                                 [&s](benchmark::State& state) { replay_strategy(state, s); });
  return true;
}();

}  // namespace
}  // namespace anonvma
