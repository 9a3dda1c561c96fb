// Slices: a trace that is cut anywhere goes on like the whole one.
#include "engine/replay/slice.h"

#include <map>
#include <random>
#include <sstream>

#include "engine/replay/run.h"
#include "engine/trace/text.h"
#include "test/catch.h"
#include "test/support/verify_tape.h"

namespace anonvma::test {
namespace {

constexpr std::uint64_t kArena = 0x7f0000000000;

Meta meta_of(std::string_view own, bool truth = false) {
  Meta meta;
  meta.release = own == "degree" ? "5.10.200" : own == "linux-7.0" ? "7.0.1" : "6.18.44";
  meta.anon_vma_members = {own == "degree" ? "degree" : "num_children"};
  meta.anon_vma_clone_args = own == "linux-7.0" ? 3 : 2;
  meta.scope = "system";  // a replay of the system recomputes counters
  meta.truth = truth;
  return meta;
}

// A random life of a family: any call at any time.
class RandomLife {
 public:
  explicit RandomLife(std::uint64_t seed) : random_(seed) {}

  std::vector<Event> take(std::size_t count) {
    add(MmId{0}, Exec{});
    add(MmId{0}, Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::exec),
                          .brk = 0x5000,
                          .tgid = 7,
                          .comm_lo = 'a'});
    while (events_.size() < count) step();
    return std::move(events_);
  }

 private:
  std::uint64_t number(std::uint64_t below) { return random_() % below; }
  std::uint64_t place() { return kArena + number(40) * 4096; }
  template <class Body>
  void add(MmId mm, const Body& body) {
    events_.push_back({{.time_ns = events_.size() * 1000, .tid = mm.v + 1, .mm = mm}, body});
  }
  void step() {
    const MmId mm = alive_[number(alive_.size())];
    const std::uint64_t at = place(), len = (1 + number(6)) * 4096;
    switch (number(12)) {
      case 0:
      case 1:
        return add(mm, Map{.addr = at,
                           .len = len,
                           .prot = 3,
                           .map_flags = number(4) == 0 ? 0x31ull : 0x32,  // shared: unnamed files
                           .ops = kOpsUnread,
                           .ret = static_cast<std::int64_t>(at)});
      case 2:
        return add(mm, Unmap{at, len, 0});
      case 3:
        return add(mm, Protect{at, len, number(4), -1, 0});
      case 4: {
        const std::uint64_t to = kArena + (50 + number(40)) * 4096;
        return add(mm, Remap{at, len, len, 3, to, static_cast<std::int64_t>(to)});
      }
      case 5:
        return add(mm, Advise{at, len, number(2) == 0 ? 18ull : 10, 0});
      case 6:
        if (alive_.size() > 8) return;
        add(mm, Fork{MmId{next_}, next_ + 1});
        alive_.push_back(MmId{next_++});
        return;
      case 7:
        if (alive_.size() < 2) return;
        if (number(2) == 0) return add(mm, ExitTask{});
        add(mm, ExitMmap{});
        std::erase(alive_, mm);
        return;
      case 8:
        return add(mm, Lock{at, len, number(3), 0, 0});
      default:
        return add(mm, Fault{at, 3});
    }
  }

  std::mt19937_64 random_;
  std::vector<Event> events_;
  std::vector<MmId> alive_{MmId{0}};
  std::uint32_t next_ = 1;
};

// One run of the own strategy.
struct Own {
  explicit Own(const Meta& meta)
      : spaces(rules_for(meta), 4096, *find_strategy(own_strategy(meta)), slab,
               {Role::own, counts_anew(meta, *find_strategy(own_strategy(meta))), meta.truth}) {}
  void feed(std::span<const Event> events) {
    for (const Event& event : events) driver.apply(event, index++);
    driver.finish();
  }
  SlabAccount slab;
  AddressSpaces spaces;
  Driver driver{spaces, slab};
  std::uint64_t index = 0;
};

// The live state, with anon_vmas and files numbered in order of appearance.
std::string state(const AddressSpaces& spaces) {
  std::ostringstream out;
  std::map<std::uint64_t, std::size_t> names, files;
  const auto numbered = [](auto& map, std::uint64_t key) {
    return map.try_emplace(key, map.size()).first->second;
  };
  for (const MmId mm : spaces.mms()) {
    const AddressSpaces::MmState of = spaces.state(mm);
    out << "mm " << mm.v << " " << spaces.comm(mm) << " " << of.def_flags << " " << of.start_brk
        << "\n";
    for (const VmaId id : spaces.vmas(mm)) {
      const Vma& v = spaces.vma(id);
      out << "  " << v.start << "-" << v.end << " " << v.flags << " " << v.pgoff << " "
          << numbered(files, v.file) << " " << v.ops << " " << v.policy << " " << v.context << " "
          << v.name;
      for (const Strategy::ChainLink& l : spaces.strategy().chain_links(id))
        out << " [" << numbered(names, l.anon_vma) << " root " << numbered(names, l.root) << " of "
            << numbered(names, l.parent) << " children " << l.num_children << " active "
            << l.num_active_vmas << "]";
      out << "\n";
    }
  }
  return out.str();
}

struct Slice {
  Meta meta;
  std::vector<Event> events;
};

Slice cut_at(const Meta& meta, const std::vector<Event>& events, std::size_t at) {
  auto slicer = Slicer::create(meta);
  REQUIRE(slicer);
  std::uint32_t named = 0;
  for (const Event& event : events) named = std::max(named, anon_vmas_named(event));
  for (std::size_t i = 0; i < at; ++i) slicer->apply(events[i], i);
  Slice slice{meta, slicer->key_snapshot(AnonVmaId{named})};
  slice.meta.cut = {"hash", at, events.size(), 0, 0, slicer->notes()};
  slice.events.insert(slice.events.end(), events.begin() + static_cast<long>(at), events.end());
  return slice;
}

void check_slice(const Meta& meta, const std::vector<Event>& events, std::size_t at) {
  Own whole(meta);
  whole.feed(std::span(events).first(at));
  const std::string then = state(whole.spaces);
  std::array<CacheUsage, kNumCaches> use_then{};
  std::array<OpCost, kNumOpKinds> cost_then{};
  for (std::size_t c = 0; c < kNumCaches; ++c)
    use_then[c] = whole.slab.usage(static_cast<CacheIndex>(c));
  for (std::size_t k = 0; k < kNumOpKinds; ++k)
    cost_then[k] = whole.slab.cost(static_cast<OpKind>(k));
  whole.feed(std::span(events).subspan(at));

  const Slice slice = cut_at(meta, events, at);
  Own rest(slice.meta);
  const std::size_t snapshot = slice.events.size() - (events.size() - at);
  rest.feed(std::span(slice.events).first(snapshot));
  CHECK(state(rest.spaces) == then);
  rest.feed(std::span(slice.events).subspan(snapshot));
  CHECK(state(rest.spaces) == state(whole.spaces));
  for (std::size_t c = 0; c < kNumCaches; ++c) {
    const CacheUsage& all = whole.slab.usage(static_cast<CacheIndex>(c));
    const CacheUsage& now = rest.slab.usage(static_cast<CacheIndex>(c));
    CHECK(rest.spaces.at_start()[c] == use_then[c].active_objs);
    CHECK(now.active_objs == all.active_objs);
    CHECK(now.allocs - rest.spaces.at_start()[c] == all.allocs - use_then[c].allocs);
    CHECK(now.frees == all.frees - use_then[c].frees);
  }
  for (std::size_t k = 0; k < kNumOpKinds; ++k) {
    if (static_cast<OpKind>(k) == OpKind::start) continue;
    const OpCost &all = whole.slab.cost(static_cast<OpKind>(k)), &past = cost_then[k];
    const OpCost& now = rest.slab.cost(static_cast<OpKind>(k));
    CHECK(now.operations == all.operations - past.operations);
    CHECK(now.locks.holds == all.locks.holds - past.locks.holds);
    for (std::size_t c = 0; c < kNumCaches; ++c)
      CHECK(now.allocs[c] == all.allocs[c] - past.allocs[c]);
  }
}

TEST_CASE("a life cut anywhere goes on as it did", "[slice]") {
  for (const std::string_view own : {"num-children", "degree", "linux-7.0"})
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      const std::vector<Event> events = RandomLife(seed).take(400);
      for (std::size_t at = 2; at < events.size(); at += 13) {
        INFO(own << ", seed " << seed << ", cut at " << at);
        check_slice(meta_of(own), events, at);
      }
    }
}

TEST_CASE("a slice of a slice is the same slice", "[slice]") {
  const Meta meta = meta_of("num-children");
  const std::vector<Event> events = RandomLife(99).take(400);
  const Slice once = cut_at(meta, events, 150);
  const std::size_t snapshot = once.events.size() - 250;
  check_slice(once.meta, once.events, snapshot + 100);
}

TEST_CASE("what a slice has of a process besides its vmas", "[slice]") {
  const auto events = parse_text(
      "tid=7 mm=3 exec\n"
      "tid=7 mm=3 snapshot reason=1 brk=0x600000 tgid=7 comm=sh start_brk=6291456 "
      "def_flags=0x2000\n"
      "tid=7 mm=3 brk old_brk=0x600000 addr=0x602000 ret=0x602000\n"
      "tid=7 mm=3 fork child=4 child_tid=8\n"
      "tid=8 mm=4 brk old_brk=0x602000 addr=0x603000 ret=0x603000\n"
      "tid=7 mm=3 map_count=1 exit_task\n"
      "lost count=5 kind=16 cpu=2\n"
      "lost count=2 kind=16 cpu=3\n"
      "tid=7 mm=3 exit_mmap\n");
  REQUIRE(events);
  const Slice slice = cut_at(meta_of("num-children"), *events, 8);
  std::string text;
  for (const Event& event : slice.events) text += format_text(event) + "\n";
  INFO(text);
  CHECK(text.find("tid=7 mm=3 map_count=1 snapshot nr_vmas=1 def_flags=0x2000 brk=0x602000 tgid=7 "
                  "start_brk=6291456 comm=sh\n") != std::string::npos);
  CHECK(text.find("tid=8 mm=4 map_count=2 snapshot nr_vmas=2 brk=0x603000 tgid=8 "
                  "start_brk=6291456 comm=sh\n") != std::string::npos);
  CHECK(text.find("tid=7 mm=3 map_count=1 exit_task") != std::string::npos);
  CHECK(text.find("lost count=7 kind=16") != std::string::npos);
  REQUIRE(slice.meta.cut.notes.size() == 3);
  CHECK(slice.meta.cut.notes[2] == "7 records were lost before it");
}

TEST_CASE("a slice begins with the texts so far, and not inside of one", "[slice]") {
  const auto events = parse_text(
      "tid=7 mm=3 exec\n"
      "tid=7 mm=3 snapshot reason=1\n"
      "0.5 text kind=2 id=9 length=2 text=/a\n"
      "text kind=1 id=4 length=33 text=0123456789abcdef0123456789abcdef\n"
      "text kind=1 id=4 length=33 offset=32 text=g\n"
      "tid=7 mm=3 fork child=4\n");
  REQUIRE(events);
  CHECK_FALSE(continues(events->at(3)));
  CHECK(continues(events->at(4)));
  const Slice slice = cut_at(meta_of("num-children"), *events, 5);
  REQUIRE(slice.events.size() == 5);
  CHECK(format_text(slice.events[0]) ==
        "0.000000000 text kind=1 id=4 length=33 text=0123456789abcdef0123456789abcdef");
  CHECK(slice.events[1].body == events->at(4).body);
  CHECK(format_text(slice.events[2]) == "0.000000000 text kind=2 id=9 length=2 text=/a");
  CHECK(std::holds_alternative<Snapshot>(slice.events[3].body));
}

TEST_CASE("a slice keeps the cgroups of its processes", "[slice]") {
  const auto events = parse_text(
      "tid=7 mm=3 exec\n"
      "tid=7 mm=3 snapshot reason=1 tgid=7\n"
      "text kind=2 id=9 length=2 text=/a\n"
      "tid=7 mm=3 in_cgroup cgroup=9\n"
      "tid=7 mm=3 fork child=4 child_tid=8\n"
      "tid=7 mm=3 exec\n");
  REQUIRE(events);
  const Slice slice = cut_at(meta_of("num-children"), *events, 5);
  REQUIRE(slice.events.size() == 6);
  CHECK(format_text(slice.events[3]) == "0.000000000 tid=7 mm=3 in_cgroup cgroup=9");
  CHECK(format_text(slice.events[4]) == "0.000000000 tid=8 mm=4 in_cgroup cgroup=9");
}

TEST_CASE("a slice begins where nothing is under way", "[slice]") {
  const Meta meta = meta_of("num-children", true);
  auto slicer = Slicer::create(meta);
  REQUIRE(slicer);
  Tape tape;
  tape.add(Exec{}).add(Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::exec)});
  tape.head.tid = 1;
  const std::size_t quiet = tape.events.size();
  tape.op(Map{.addr = kArena,
              .len = 4096,
              .prot = 3,
              .map_flags = 0x32,
              .ops = kOpsUnread,
              .ret = static_cast<std::int64_t>(kArena)},
          0, "+v");
  const std::size_t mapped = tape.events.size();
  tape.add(Fault{kArena, 3});
  tape.kernel("+p +a5");
  for (std::size_t i = 0; i < tape.events.size(); ++i) {
    INFO(i);
    const bool rests = i == 0 || i == quiet || i == mapped;
    if (!continues(tape.events[i])) CHECK(slicer->at_rest() == rests);
    slicer->apply(tape.events[i], i);
  }
  CHECK(slicer->at_rest());
}

TEST_CASE("a time is behind the last event not later than it", "[slice]") {
  const std::vector<std::uint64_t> times = {0, 10, 30, 20, 40};
  const auto behind = [&](std::uint64_t time) {
    TimeSearch search(time);
    for (std::size_t i = 0; i < times.size(); ++i)
      search.apply({{.time_ns = times[i], .mm = MmId{0}}, UnknownWrite{}}, i);
    return search.first_behind();
  };
  CHECK(behind(0) == 1);
  CHECK(behind(10) == 2);
  CHECK(behind(25) == 4);
  CHECK(behind(30) == 4);
  CHECK(behind(99) == 5);
}

TEST_CASE("no slice without the kernel's own strategy", "[slice]") {
  const auto slicer = Slicer::create(Meta{});
  REQUIRE_FALSE(slicer);
  CHECK(slicer.error().code == ErrorCode::not_supported);
}

}  // namespace
}  // namespace anonvma::test
