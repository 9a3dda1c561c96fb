// Any bytes as a life, under one strategy or all of them. Three bytes choose the mode. The
// rest is the life: a column payload, the text form, a whole trace, or events with one byte
// per field (fuzz.h).
#include <array>
#include <map>
#include <string>
#include <utility>

#include "engine/replay/driver.h"
#include "engine/replay/reach.h"
#include "engine/replay/replay.h"
#include "engine/replay/row_specs.h"
#include "engine/replay/run.h"
#include "engine/trace/columns.h"
#include "engine/trace/text.h"
#include "engine/trace/varint.h"
#include "test/fuzz/fuzz.h"

namespace anonvma::fuzz {
namespace {

constexpr std::size_t kMaxEvents = 250;
constexpr Budget kBudget{.bytes = 16 << 20, .steps = 200000};  // small: it is to be met

enum How : std::uint8_t { kReach = 1, kSlub = 2, kOwn = 4, kStop = 8, kExit = 16, kTruth = 32 };

Meta make_meta(bool truth) {
  Meta meta;
  meta.release = "6.18.44";
  meta.faults = "write";
  meta.cpus = 2;
  meta.truth = truth;
  meta.anon_vma_members = {"root", "num_children", "num_active_vmas"};
  meta.anon_vma_clone_args = 2;
  return meta;
}

const Meta& meta_of(std::uint8_t how) {
  static const std::array<Meta, 2> metas = {make_meta(false), make_meta(true)};
  return metas[how & kTruth ? 1 : 0];
}

// The strategies are made once: making them costs more than most inputs.
const RunPlan& plan_of(const StrategyInfo& strategy, std::uint8_t how) {
  static std::map<std::pair<const StrategyInfo*, int>, RunPlan> plans;
  const std::pair key{&strategy, how & (kReach | kSlub | kOwn)};
  if (const auto at = plans.find(key); at != plans.end()) return at->second;
  RunPlan& plan =
      plans
          .try_emplace(key,
                       RunPlan{.strategy = strategy, .rules = rules_for(meta_of(0)), .specs = {}})
          .first->second;
  plan.specs = row_specs(meta_of(0), strategy, {});
  plan.role = how & kOwn ? Role::own : Role::rival;
  plan.slub = (how & kSlub) != 0;
  plan.check_reach = (how & kReach) != 0;
  plan.budget = kBudget;
  return plan;
}

void from_columns(Input payload, std::vector<Event>& events) {
  static ColumnDecoder decoder;
  const auto* at = reinterpret_cast<const std::uint8_t*>(payload.data());
  Cursor in{at, at + payload.size()};
  bool bad = payload.empty();
  (void)in.varint(bad);
  const auto count = static_cast<std::uint32_t>(in.varint(bad));
  if (const auto decoded = decoder.decode(payload, count))
    events.assign(decoded->begin(), decoded->end());
}

void from_text(Input input, std::vector<Event>& events) {
  auto parsed = parse_text({reinterpret_cast<const char*>(input.data()), input.size()});
  if (parsed) events = std::move(*parsed);
}

// With the trace's own meta: the whole driver with its threads and its second pass.
void whole_trace(Input input, std::uint8_t which, std::uint8_t how) {
  static std::vector<std::byte> file;
  repair(input, file);
  auto reader = TraceReader::open(file);
  if (!reader) return;
  ReplayOptions options;
  options.strategies = {strategies()[which % strategies().size()]};
  options.threads = 1;
  options.slub = (how & kSlub) != 0;
  options.check_reach = (how & kReach) != 0;
  options.observe_peak = (how & kStop) != 0;
  if (how & kExit) options.at_s = 0.5;
  const auto comparison = replay(*reader, options);
  require(!comparison || comparison->rows.size() == 1, "a row per strategy");
}

void check_result(const ReplayResult& result) {
  for (std::size_t c = 0; c < kAllCaches; ++c) {
    const CacheUsage& use = result.caches[c];
    require(use.allocs - use.frees == use.active_objs, "what is not freed is alive");
    require(use.peak_objs >= use.active_objs, "a peak is not below the end");
  }
}

void run(const StrategyInfo& strategy, std::span<const Event> events, std::uint8_t how) {
  const Meta& meta = meta_of(how);
  Run one(plan_of(strategy, how), meta);
  if (how & kStop) one.stop_after(events.size() / 2);
  one.feed(events.first(events.size() / 2), 0);
  one.feed(events.subspan(events.size() / 2), events.size() / 2);
  if (one.gave_up()) return;
  (void)one.verdict();
  check_result(one.finish(meta));
}

// Checks that the account agrees with the objects themselves, and that everything is freed
// in the end.
void check_books(const StrategyInfo& strategy, std::span<const Event> events) {
  SlabAccount slab;
  AddressSpaces spaces(known_rules().back(), 4096, strategy, slab);
  slab.limit(kBudget);
  Driver driver(spaces, slab);
  std::uint64_t index = 0;
  for (const Event& event : events) {
    driver.apply(event, index++);
    if (slab.over_budget()) return;
  }
  driver.finish();
  spaces.abandon_forks();
  std::uint64_t vmas = 0, links = 0;
  for (const MmId mm : spaces.mms())
    for (const VmaId vma : spaces.vmas(mm)) {
      ++vmas;
      links += spaces.strategy().chain_links(vma).size();
    }
  require(slab.usage(kVmAreaStruct).active_objs >= vmas, "every vma is an object");
  if (strategy.name.find("lazy") == strategy.name.npos) {
    require(slab.usage(kVmAreaStruct).active_objs == vmas, "every vm_area_struct is mapped");
    require(slab.usage(kAnonVmaChain).active_objs == links, "every avc is in a chain");
  }
  for (const MmId mm : spaces.mms()) driver.apply({{.mm = mm}, ExitMmap{}}, index++);
  spaces.abandon_forks();
  if (strategy.name == "lazy-v1") return;  // leaks by design
  for (std::size_t c = 0; c < kAllCaches; ++c)
    require(slab.usage(static_cast<CacheIndex>(c)).active_objs == 0, "nothing outlives its mms");
}

// All strategies get a short life: a long one shows as much under each of them alone.
void run_chosen(std::uint8_t which, std::span<const Event> events, std::uint8_t how) {
  const auto all = strategies();
  if (which >= 0xf0 && events.size() > kMaxEvents / 8) events = events.first(kMaxEvents / 8);
  const std::size_t first = which < 0xf0 ? which % all.size() : 0;
  const std::size_t end = which < 0xf0 ? first + 1 : all.size();
  for (std::size_t i = first; i < end; ++i) {
    run(all[i], events, how);
    if (how & kExit) check_books(all[i], events);
  }
}

}  // namespace
}  // namespace anonvma::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anonvma::fuzz;
  static std::vector<anonvma::Event> events;
  Input input = as_input(data, size);
  const std::uint8_t kind = take_byte(input), which = take_byte(input), how = take_byte(input);
  events.clear();
  switch (kind % 8) {
    case 0:
      whole_trace(input, which, how);
      return 0;
    case 1:
    case 2:
      from_text(input, events);
      break;
    case 3:
    case 4:
      from_columns(input, events);
      break;
    default:
      few_words(input, kMaxEvents, events);
  }
  if (events.size() > kMaxEvents) events.resize(kMaxEvents);
  run_chosen(which, events, how);
  return 0;
}
