// The check finds pages that a design loses, and nothing else. Designs that lose pages on purpose
// show the first, for each way in which a vma gets pages; lives of real designs show the second.
#include "engine/replay/reach.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/replay/replay.h"
#include "engine/report/reach_lines.h"
#include "engine/strategy/parts/avc_chains.h"
#include "engine/trace/text.h"
#include "test/catch.h"
#include "test/support/lives.h"
#include "test/support/trace_bytes.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

const StrategyInfo& strategy(std::string_view name) {
  const StrategyInfo* info = find_strategy(name);
  REQUIRE(info != nullptr);
  return *info;
}

// A World with a watcher.
struct Watched {
  World w;
  ReachCheck check;
  explicit Watched(const StrategyChoice& strategy, std::string_view rules = "6.19",
                   Setting setting = {})
      : w(strategy, rules, setting), check(w.spaces(), kPage) {
    w.spaces().watch(&check);
  }
  ReachReport end() {
    w.finish();
    return check.finish();
  }
};

// Designs that never lose a page.
constexpr std::string_view kSound[] = {"legacy", "avc-2.6.34", "avc-3.0", "num-children",
                                       "linux-7.0"};

std::vector<Event> micro(std::string_view name) {
  std::ifstream file(fmt::format("{}/traces/micro/{}", ANONVMA_SOURCE_DIR, name));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto events = parse_text(text);
  REQUIRE(events);
  REQUIRE_FALSE(events->empty());
  return *events;
}

ReachReport reach_of(const std::vector<Event>& events, const StrategyChoice& strategy,
                     std::string_view rules) {
  SlabAccount slab;
  AddressSpaces spaces(*find_rules(rules), kPage, strategy, slab);
  ReachCheck check(spaces, kPage);
  spaces.watch(&check);
  Driver driver(spaces, slab);
  std::uint64_t index = 0;
  for (const Event& event : events) driver.apply(event, index++);
  driver.finish();
  CHECK(spaces.anomalies() == Anomalies{});
  return check.finish();
}

TEST_CASE("the double reuse of the degree rule loses a page", "[reach]") {
  const std::vector<Event> events = micro("double_reuse.txt");
  for (const std::string_view era : every_era()) {
    INFO("rules of " << era);
    const ReachReport report = reach_of(events, strategy("degree"), era);
    if (!find_rules(era)->merge_keeps_next) {
      // The low half keeps the struct, and with it the chain that contains C.
      CHECK(report.findings == 0);
      continue;
    }
    CHECK(report.findings == 1);
    CHECK(report.pages == 1);
    REQUIRE(report.first);
    const ReachFinding& first = *report.first;
    CHECK(first.event == events.size() - 1);
    CHECK(first.operation == "protect");
    CHECK(first.mm == 5);
    CHECK(first.start == World::addr(0));
    CHECK(first.end == World::addr(4));
    CHECK(first.first_page == World::addr(1));
    CHECK(first.pages == 1);
    CHECK(first.writer == 4);
    CHECK(std::holds_alternative<Fault>(events[first.written].body));
    CHECK_THAT(first.why, ContainsSubstring("merge"));
    for (const std::string_view name : kSound) {
      INFO("strategy " << name);
      const ReachReport sound = reach_of(events, strategy(name), era);
      CHECK(sound.findings == 0);
      CHECK_FALSE(sound.first);
      CHECK(sound.checks > 10);
    }
  }
}

// Without the event that merges, or without the write, nothing is lost: the check relies on
// the trace alone.
TEST_CASE("the double reuse alone loses nothing before the merge", "[reach]") {
  std::vector<Event> events = micro("double_reuse.txt");
  events.pop_back();
  CHECK(reach_of(events, strategy("degree"), "5.10").findings == 0);
  events = micro("double_reuse.txt");
  const auto last_write = std::find_if(events.rbegin(), events.rend(), [](const Event& e) {
    return std::holds_alternative<Fault>(e.body);
  });
  events.erase(std::next(last_write).base());
  CHECK(reach_of(events, strategy("degree"), "5.10").findings == 0);
}

TEST_CASE("the option of a replay", "[reach]") {
  Meta meta;
  meta.release = "5.10.7";
  meta.faults = "write";
  const FileBytes bytes = write_trace(micro("double_reuse.txt"), 0, meta);
  REQUIRE(!bytes.empty());
  const auto run = [&](bool check, unsigned threads) {
    auto reader = TraceReader::open(bytes);
    REQUIRE(reader);
    ReplayOptions options;
    options.strategies = {strategy("degree"), strategy("num-children")};
    options.check_reach = check;
    options.observe_peak = true;
    options.threads = threads;
    auto comparison = replay(*reader, options);
    REQUIRE(comparison);
    return *comparison;
  };
  Comparison with = run(true, 1);
  REQUIRE(with.rows[0].reach);
  REQUIRE(with.rows[1].reach);
  CHECK(with.rows[0].reach->findings == 1);
  CHECK(with.rows[1].reach->findings == 0);
  CHECK(run(true, 2).rows == with.rows);
  const Comparison without = run(false, 1);
  CHECK_FALSE(without.rows[0].reach);
  for (ReplayResult& row : with.rows) row.reach.reset();  // the check changes nothing else
  CHECK(with.rows == without.rows);
}

// Up to 6.18.7 a faulted vma that mremap joined to an unfaulted one left it unfaulted.
//
//   |  a faulted  |             moved to 10, and back before |  b unfaulted  |
TEST_CASE("mremap into an unfaulted neighbour loses pages before 6.18.8", "[reach]") {
  for (const std::string_view era : since("6.16")) {
    INFO("rules of " << era);
    Watched t(strategy("num-children"), era);
    t.w.map(0, 2, "rw").write(1).move(0, 2, 10).map(2, 2, "rw").move(10, 2, 0);
    const bool fixed = find_rules(era)->merge_checks_copied;
    CHECK(t.w.show() == (fixed ? "0-4 rw faulted a1" : "0-4 rw unfaulted"));
    const ReachReport report = t.end();
    CHECK(report.pages == (fixed ? 0 : 1));
    if (report.first) CHECK_THAT(report.first->why, ContainsSubstring("mremap"));
  }
}

// avc-3.0 without neighbours; one kind of copy keeps only its own anon_vma.
enum class Forgets { nothing, split, remap, merge, fork };
template <Forgets kForgets>
class Forgetful final : public Strategy {
 public:
  Forgetful(SlabAccount& slab, Layout& layout) : Strategy(slab, layout), chains_(slab, {}) {}
  bool faulted(VmaId vma) const override { return bool{chains_.anon_vma(vma)}; }
  bool same(VmaId a, VmaId b) const override { return chains_.anon_vma(a) == chains_.anon_vma(b); }
  bool singular(VmaId vma) const override { return chains_.singular(vma); }
  void prepare(VmaId vma) override { chains_.attach(vma, chains_.new_root()); }
  void clone(VmaId dst, VmaId src, CloneOp op) override {
    constexpr CloneOp kOps[] = {CloneOp::split, CloneOp::split, CloneOp::remap, CloneOp::merge};
    const bool forgets = kForgets != Forgets::nothing && kForgets != Forgets::fork &&
                         op == kOps[static_cast<int>(kForgets)];
    if (forgets && faulted(src))
      chains_.attach(dst, chains_.anon_vma(src));
    else
      chains_.clone(dst, src);
  }
  void fork(VmaId child, VmaId parent, VmaId) override {
    if (!faulted(parent)) return;
    if (kForgets != Forgets::fork) chains_.fork(child, parent);
    chains_.attach(child, chains_.new_child(chains_.anon_vma(parent)));
  }
  void unlink(VmaId vma) override { chains_.unlink(vma); }
  std::uint64_t rmap_walk_length(VmaId) const override { return 0; }
  std::uint64_t anon_vma_name(VmaId vma) const override {
    return chains_.name(chains_.anon_vma(vma));
  }
  std::vector<ChainLink> chain_links(VmaId vma) const override { return chains_.links_of(vma); }

 private:
  AvcChains chains_;
};
template <class Design>
StrategyInfo info_of() {
  return {"test",
          "",
          StrategyStatus::idea,
          "",
          "",
          [](SlabAccount& slab, Layout& layout, const Parameters&) -> std::unique_ptr<Strategy> {
            return std::make_unique<Design>(slab, layout);
          },
          strategy("num-children").page};
}

// A child with pages 1 and 3 of its parent, and page 2 of its own; then an operation loses them.
template <Forgets kForgets, class Life>
ReachReport child_life(Life life) {
  const StrategyInfo info = info_of<Forgetful<kForgets>>();
  Watched t(info);
  t.w.map(0, 4, "rw").write(1).write(3).fork(1).in(1).write(2);
  life(t.w);
  return t.end();
}

TEST_CASE("a design that forgets a chain entry is found, and where", "[reach]") {
  const auto split = [](World& w) { w.protect(2, 2, "r"); };
  const auto move = [](World& w) { w.move(0, 4, 10); };
  const auto nothing = [](World&) {};
  ReachReport report = child_life<Forgets::split>(split);
  CHECK(report.findings == 1);  // the lower half is the copy: page 3 stays where it was
  REQUIRE(report.first);
  CHECK(report.first->operation == "protect");
  CHECK(report.first->first_page == World::addr(1));
  CHECK(report.first->mm == 1);
  CHECK(report.first->writer == 0);
  CHECK_THAT(report.first->why, ContainsSubstring("split"));

  report = child_life<Forgets::remap>(move);
  CHECK(report.pages == 2);
  CHECK(report.findings == 2);
  REQUIRE(report.first);
  CHECK(report.first->operation == "remap");
  CHECK(report.first->first_page == World::addr(11));
  CHECK_THAT(report.first->why, ContainsSubstring("mremap"));

  report = child_life<Forgets::fork>(nothing);
  CHECK(report.pages == 2);
  REQUIRE(report.first);
  CHECK(report.first->operation == "fork");
  CHECK_THAT(report.first->why, ContainsSubstring("fork"));

  CHECK(child_life<Forgets::nothing>(split).findings == 0);
  CHECK(child_life<Forgets::nothing>(move).findings == 0);
  // The lower half, with pages of its own only, gets one of the upper half: the boundary shifts.
  const auto shift = [](World& w) {
    w.in(0).write(2).fork(2).in(2).write(0).write(1).protect(2, 2, "r").protect(2, 1, "rw");
  };
  report = child_life<Forgets::split>(shift);
  CHECK(report.pages == 1);
  REQUIRE(report.first);
  CHECK(report.first->first_page == World::addr(2));
  CHECK(report.first->end == World::addr(3));
  CHECK_THAT(report.first->why, ContainsSubstring("merge"));
  CHECK(child_life<Forgets::nothing>(shift).findings == 0);
  // A page that is written again, or is gone, cannot be lost.
  const auto rewritten = [](World& w) { w.write(1).protect(2, 2, "r"); };
  CHECK(child_life<Forgets::split>(rewritten).findings == 0);
  const auto unmapped = [](World& w) { w.unmap(0, 2).move(2, 2, 10); };
  CHECK(child_life<Forgets::remap>(unmapped).pages == 1);
}

// Writes without a fault event count from end to end.
TEST_CASE("populated, locked and loaded ranges are pages", "[reach]") {
  const StrategyInfo info = info_of<Forgetful<Forgets::fork>>();
  const auto lost = [&](auto life) {
    Watched t(info);
    life(t.w);
    t.w.fork(1);
    return t.end().pages;
  };
  CHECK(lost([](World& w) { w.map(0, 4, "rw", kMapPopulate); }) == 4);
  CHECK(lost([](World& w) { w.map(0, 4, "rw").mlock(1, 2); }) == 2);
  CHECK(lost([](World& w) { w.map(0, 4, "rw").mlockall(kMclCurrent); }) == 4);
  CHECK(lost([](World& w) { w.map(0, 4, "r").touch(2); }) == 1);
  CHECK(lost([](World& w) { w.map(0, 4, "rw").read(2); }) == 0);
  CHECK(lost([](World& w) { w.map(0, 4, "rw", kMapShared).write(2); }) == 0);
  CHECK(lost([](World& w) { w.map(0, 4, "rw").advise(0, 4, kMadvDontFork).write(2); }) == 0);
  CHECK(lost([](World& w) { w.map(0, 4, "rw").advise(0, 4, kMadvWipeOnFork).write(2); }) == 0);
  // A page that moved is in one place only.
  CHECK(lost([](World& w) { w.map(0, 4, "rw", kMapPopulate).protect(2, 2, "r"); }) == 4);
  CHECK(lost([](World& w) { w.map(0, 4, "rw", kMapPopulate).move(0, 2, 10); }) == 4);
  CHECK(lost([](World& w) {
          w.map(0, 4, "rw", kMapPopulate).protect(2, 2, "r").protect(2, 1, "rw");
        }) == 4);
  Watched t(info);
  t.w.exec(7, {{.start = 0, .end = 5, .prot = "rw", .anon_vma = 1},
               {.start = 8, .end = 9, .prot = "rw"}});
  t.w.in(7).fork(1);
  CHECK(t.end().pages == 5);
}

// The child of a fork that failed, or that the end of the trace cuts short, is not checked.
TEST_CASE("a fork under way", "[reach]") {
  const StrategyInfo info = info_of<Forgetful<Forgets::fork>>();
  Watched t(info);
  t.w.map(0, 2, "rw").write(0).map(4, 2, "rw").write(4);
  t.w.apply(Step{.copied = 1}, MmId{0});
  CHECK(t.check.finish().findings == 0);
  t.w.fork(1);
  CHECK(t.end().findings == 2);
}

// The vma's own target changes when it is forked from, and reaches it alone.
template <bool kMoves>
class Upgrading final : public Strategy {
 public:
  using Strategy::Strategy;
  bool faulted(VmaId vma) const override { return rmap_target(vma) != 0; }
  bool same(VmaId a, VmaId b) const override { return rmap_target(a) == rmap_target(b); }
  bool singular(VmaId) const override { return true; }
  void prepare(VmaId vma) override { set(vma, {++names_}); }
  void clone(VmaId dst, VmaId src, CloneOp) override { set(dst, std::vector(of_[src.v])); }
  void fork(VmaId child, VmaId parent, VmaId) override {
    if (!faulted(parent)) return;
    of_[parent.v].back() = ++names_;
    set(child, std::vector(of_[parent.v]));
    of_[child.v].push_back(++names_);
  }
  void unlink(VmaId vma) override { set(vma, {}); }
  std::uint64_t rmap_walk_length(VmaId) const override { return 0; }
  std::uint64_t rmap_target(VmaId vma) const override {
    return vma.v < of_.size() && !of_[vma.v].empty() ? of_[vma.v].back() : 0;
  }
  bool reaches(std::uint64_t target, VmaId vma) const override {
    return std::find(of_[vma.v].begin(), of_[vma.v].end(), target) != of_[vma.v].end();
  }
  bool moves_pages() const override { return kMoves; }

 private:
  void set(VmaId vma, std::vector<std::uint64_t> targets) {
    if (vma.v >= of_.size()) of_.resize(vma.v + 1);
    of_[vma.v] = std::move(targets);
  }
  std::vector<std::vector<std::uint64_t>> of_;
  std::uint64_t names_ = 0;
};

TEST_CASE("pages follow where a design says it moves them", "[reach]") {
  const auto life = [](World& w) {
    w.map(0, 4, "rw").write(1).fork(1).fork(2);
    w.in(1).write(2).fork(3).exit().in(3).write(0).protect(0, 2, "r").in(0).write(3);
  };
  Watched moves(info_of<Upgrading<true>>());
  life(moves.w);
  CHECK(moves.end().findings == 0);
  Watched stays(info_of<Upgrading<false>>());
  life(stays.w);
  CHECK(stays.end().findings > 0);
}

TEST_CASE("sound designs lose nothing in what programs do", "[reach]") {
  const auto lives = {
      +[](World& w) { w.map(0, 4, "rw").write(0).move(0, 4, 10).fork(1).in(1).move(10, 4, 0); },
      +[](World& w) { w.map(0, 4, "rw").write(1).fork(1).in(1).move(0, 2, 10).write(3).write(11); },
      +[](World& w) {
        w.map(0, 4, "rw").write(1).fork(1).in(1).write(2).move(0, 4, 10, kMremapDontUnmap);
        w.write(0).fork(2).in(2).write(11).write(1);
      },
      +[](World& w) { w.map(0, 6, "rw").write(1).write(4).fork(1).in(1).unmap(2, 2).write(0); },
      +[](World& w) { w.map(0, 4, "rw").write(0).fork(1).write(0).in(1).write(0).write(1); },
      +[](World& w) {
        w.map(0, 6, "rw").write(0).write(4).protect(2, 2, "r").fork(1).in(1).protect(2, 2, "rw");
        w.protect(1, 3, "r").protect(0, 6, "rw").write(3);
      },
      // The boundary between two vmas shifts, both ways.
      +[](World& w) {
        w.map(0, 8, "rw").write(1).write(3).write(5).protect(4, 4, "r").protect(2, 2, "r");
        w.protect(2, 4, "rw").fork(1).in(1).write(2);
      },
      // The neighbours on both sides join a range in between.
      +[](World& w) {
        w.map(0, 2, "rw").map(4, 2, "rw").write(0).map(2, 2, "rw").write(2).write(5);
        w.protect(2, 2, "r").fork(1).protect(2, 2, "rw").in(1).protect(2, 2, "rw");
      },
      +[](World& w) {
        w.map(40, 4, "rw", kMapGrowsDown).write(41).grow(38, kFaultWrite).fork(1).in(1).write(38);
      },
      +[](World& w) { w.map(0, 4, "rw").write(1).fork(1).remap(0, 4, 2, 1, 0).in(1).exit(); },
  };
  for (const std::string_view name : kSound)
    for (const std::string_view era : every_era()) {
      std::size_t index = 0;
      for (const auto life : lives) {
        INFO("strategy " << name << ", rules of " << era << ", life " << index++);
        Watched t(strategy(name), era);
        life(t.w);
        const ReachReport report = t.end();
        CHECK(report.findings == 0);
        CHECK(report.checks > 2);
      }
    }
}

// A few processes that write, fork, exit, split and merge two pages at a time, move and unmap.
std::vector<Event> random_life(std::uint64_t seed, int steps) {
  std::mt19937_64 random(seed);
  const auto roll = [&](std::uint64_t n) { return random() % n; };
  std::vector<Event> life;
  const auto add = [&](std::uint32_t mm, const auto& body) {
    life.push_back({{.mm = MmId{mm}}, body});
  };
  const auto map = [&](std::uint64_t page, std::uint64_t pages) {
    return Map{.addr = World::addr(page),
               .len = pages * kPage,
               .prot = 3,
               .map_flags = 2 | kMapAnonymous | kMapFixed,
               .ops = kOpsUnread,
               .ret = static_cast<std::int64_t>(World::addr(page))};
  };
  std::vector<std::uint32_t> mms{0};
  std::uint32_t next = 1;
  add(0, Exec{});
  add(0, map(0, 4));
  add(0, Fault{World::addr(roll(4)), kFaultWrite});
  for (int i = 0; i < steps; ++i) {
    const std::uint32_t mm = mms[roll(mms.size())];
    const std::uint64_t dice = roll(20);
    const std::uint64_t page = roll(4), pages = 1 + roll(4 - page);
    if (dice < 6) {
      add(mm, Fault{World::addr(roll(8)), kFaultWrite});
    } else if (dice < 10 && mms.size() < 6) {
      mms.push_back(next);
      add(mm, Fork{MmId{next++}, 0});
    } else if (dice < 13 && mms.size() > 1) {
      std::erase(mms, mm);
      add(mm, ExitMmap{});
    } else if (dice < 18) {
      add(mm, Protect{World::addr(page), pages * kPage, roll(2) == 0 ? 1u : 3u, -1, 0});
    } else if (dice < 19) {
      const std::uint64_t to = World::addr(roll(8)), keep = roll(4) == 0 ? kMremapDontUnmap : 0;
      add(mm, Remap{World::addr(page), kPage, kPage, kMremapMayMove | kMremapFixed | keep, to,
                    static_cast<std::int64_t>(to)});
    } else if (roll(2) == 0) {
      add(mm, Unmap{World::addr(page), kPage, 0});
    } else {
      add(mm, map(roll(6), 2));
    }
  }
  return life;
}

TEST_CASE("sound designs lose nothing in random lives", "[reach]") {
  for (const std::string_view name : kSound)
    for (const std::string_view era : {"5.10", "6.12", "6.19", "7.0"}) {
      std::uint64_t checks = 0;
      for (std::uint64_t seed = 0; seed < lives(150); ++seed) {
        INFO("strategy " << name << ", rules of " << era << ", seed " << seed);
        SlabAccount slab;
        AddressSpaces spaces(*find_rules(era), kPage, strategy(name), slab);
        ReachCheck check(spaces, kPage);
        spaces.watch(&check);
        Driver driver(spaces, slab);
        std::uint64_t index = 0;
        for (const Event& event : random_life(seed, 60)) driver.apply(event, index++);
        const ReachReport report = check.finish();
        REQUIRE(report.findings == 0);
        checks += report.checks;
      }
      CHECK(checks > lives(5000));
    }
}

TEST_CASE("the lines and the JSON of a reach check", "[reach][report]") {
  Comparison comparison;
  for (const char* name : {"degree", "legacy", "num-children"})  // legacy is not checked
    comparison.rows.emplace_back().strategy = name;
  ReachReport& found = comparison.rows[0].reach.emplace();
  found.checks = 9;
  found.findings = 2;
  found.pages = 3;
  found.first = ReachFinding{.event = 14,
                             .time_ns = 2'500'000,
                             .operation = "protect",
                             .mm = 5,
                             .comm = "sh",
                             .start = 0x1000,
                             .end = 0x5000,
                             .first_page = 0x2000,
                             .pages = 1,
                             .target = 77,
                             .writer = 4,
                             .written = 11,
                             .why = "they came by a merge"};
  comparison.rows[2].reach.emplace().checks = 25;
  CHECK(reach_lines(comparison) ==
        "reach  degree: 3 pages unreachable, first at event 14 (protect, 0.002500 s)\n"
        "       1 page from 0x2000 in vma 0x1000-0x5000 of mm 5 (sh)\n"
        "       point at the anon_vma of mm 4, event 11: a walk from there misses the vma\n"
        "       they came by a merge\n"
        "reach  num-children: every page reachable (25 checks)\n");
  const auto json = reach_json(found);
  CHECK(json["findings"] == 2);
  CHECK(json["first"]["why"] == "they came by a merge");
  CHECK(json["first"]["first_page"] == 0x2000);
  CHECK_FALSE(reach_json(*comparison.rows[2].reach).contains("first"));
  CHECK(reach_lines(Comparison{}).empty());
}

}  // namespace
}  // namespace anonvma::test
