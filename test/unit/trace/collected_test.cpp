// The assembly of snapshots: the parts that make one, the end of a set, and the use of a cut file.
#include "engine/trace/collected.h"

#include <string>

#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

// Writes the output down: "0:2@3" is a snapshot of reason 0 and two vmas that ended with event 3,
// and "{..}" is a set.
struct Out {
  void operator()(const MmSnapshot& over) { text += one(over) + ' '; }
  void operator()(const SnapshotSet& set) {
    text += "{ ";
    for (const MmSnapshot& over : set) text += one(over) + ' ';
    text += "} ";
  }
  static std::string one(const MmSnapshot& over) {
    return std::to_string(over.snapshot.reason) + ':' + std::to_string(over.vmas.size()) + '@' +
           std::to_string(over.event);
  }
  std::string text;
};

// Feeds events and writes the output down. "|" stands for an event that belongs to no snapshot.
struct Pipe {
  Pipe& give(SnapReason reason, std::uint64_t vmas) {
    return give(World::snapshot_event(reason, vmas));
  }
  Pipe& v(std::uint64_t nr_chain = 0) {
    SnapVma vma;
    vma.nr_chain = nr_chain;
    return give(vma);
  }
  Pipe& c() { return give(SnapChain{}); }
  Pipe& other() { return give(Unmap{}); }
  template <class Body>
  Pipe& give(const Body& body) {
    const Event event{{.time_ns = index * 10, .mm = MmId{0}}, body};
    if (!collector.collect(event, index++, out)) out.text += "| ";
    return *this;
  }
  std::string end() {
    collector.finish(out);
    CHECK(collector.idle());
    return out.text;
  }
  SnapshotCollector collector;
  Out out;
  std::uint64_t index = 0;
};

constexpr SnapReason kAttach = SnapReason::attach, kExec = SnapReason::exec,
                     kWrite = SnapReason::unknown_write, kResync = SnapReason::resync;

TEST_CASE("a snapshot is over with its last part", "[collected]") {
  CHECK(Pipe{}.give(kExec, 2).v().v().out.text == "1:2@2 ");
  CHECK(Pipe{}.give(kExec, 1).v(2).c().out.text.empty());
  CHECK(Pipe{}.give(kExec, 1).v(2).c().c().out.text == "1:1@3 ");
  CHECK(Pipe{}.give(kExec, 0).out.text == "1:0@0 ");
  Pipe pipe;
  pipe.give(kExec, 1).v(1);
  CHECK_FALSE(pipe.collector.idle());
  pipe.c();
  CHECK(pipe.collector.idle());
}

TEST_CASE("snapshots of one reason that follow each other are a set", "[collected]") {
  CHECK(Pipe{}.give(kAttach, 1).v().give(kAttach, 1).v().other().end() ==
        "0:1@1 0:1@3 { 0:1@1 0:1@3 } | ");
  CHECK(Pipe{}.give(kAttach, 1).v().end() == "0:1@1 { 0:1@1 } ");
  CHECK(Pipe{}.give(kAttach, 0).give(kResync, 0).other().end() ==
        "0:0@0 { 0:0@0 } 5:0@1 { 5:0@1 } | ");
  CHECK(Pipe{}.give(kAttach, 0).give(kWrite, 0).end() == "0:0@0 { 0:0@0 } 2:0@1 ");
}

TEST_CASE("of an incomplete snapshot only a birth is taken", "[collected]") {
  CHECK(Pipe{}.give(kExec, 3).v().other().end() == "1:1@1 | ");
  CHECK(Pipe{}.give(kAttach, 3).v().end() == "0:1@1 { 0:1@1 } ");
  CHECK(Pipe{}.give(kWrite, 3).v().other().end() == "| ");
  CHECK(Pipe{}.give(kResync, 3).v().give(kResync, 0).end() == "5:0@2 { 5:0@2 } ");
}

TEST_CASE("a part without a snapshot belongs to none, and ends a set", "[collected]") {
  CHECK(Pipe{}.v().c().end() == "| | ");
  CHECK(Pipe{}.give(kExec, 1).c().v().end() == "1:0@0 | | ");
  CHECK(Pipe{}.give(kAttach, 0).v().give(kAttach, 0).end() == "0:0@0 { 0:0@0 } | 0:0@2 { 0:0@2 } ");
}

TEST_CASE("a snapshot is applied at the time of its last part", "[collected]") {
  SlabAccount slab;
  AddressSpaces spaces(*find_rules("6.19"), kPage, choice("num-children"), slab);
  Driver driver(spaces, slab);
  std::uint64_t index = 0;
  const auto give = [&](auto body) {
    driver.apply({{.time_ns = index * 10, .mm = MmId{0}}, body}, index);
    ++index;
  };
  give(Exec{});
  give(World::snapshot_event(kExec, 2));
  give(World::snap_vma({.start = 0, .end = 1, .prot = "rw", .anon_vma = 1}));
  give(World::snap_vma({.start = 2, .end = 3, .prot = "rw", .anon_vma = 2}));
  CHECK(slab.usage(kAnonVma).active_objs == 2);
  CHECK(slab.peak().event == 3);
  CHECK(slab.peak().time_ns == 30);
}

}  // namespace
}  // namespace anonvma::test
