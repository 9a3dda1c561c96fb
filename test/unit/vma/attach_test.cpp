// Processes alive when recording began: their trees are taken over or replayed as a life.
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {
namespace {

struct Link {
  std::uint32_t anon_vma, root, parent;
  std::uint64_t num_children, num_active_vmas;
};

// One mm of one faulted vma with this chain, newest first; its own anon_vma is the first.
void attach(World& w, std::uint32_t mm, const std::vector<Link>& chain) {
  w.apply(Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::attach), .nr_vmas = 1},
          MmId{mm});
  w.apply(SnapVma{.start = World::addr(0),
                  .end = World::addr(4),
                  .vm_flags = kVmRead | kVmWrite | kVmMayAccess | kVmAccount,
                  .pgoff = kBase,
                  .ops = kOpsAnonymous,
                  .anon_vma = AnonVmaId{chain.front().anon_vma},
                  .nr_chain = chain.size()},
          MmId{mm});
  for (const Link& l : chain)
    w.apply(SnapChain{.anon_vma = AnonVmaId{l.anon_vma},
                      .root = AnonVmaId{l.root},
                      .parent = AnonVmaId{l.parent},
                      .num_children = l.num_children,
                      .num_active_vmas = l.num_active_vmas},
            MmId{mm});
}

// Parent: a7    Child: a9 a7
const std::vector<Link> kParent = {{7, 7, 7, 2, 1}};
const std::vector<Link> kChild = {{9, 7, 7, 0, 1}, {7, 7, 7, 2, 1}};

TEST_CASE("the recording kernel's strategy takes the trees over", "[attach]") {
  World w;
  attach(w, 10, kParent);
  attach(w, 11, kChild);
  w.in(11).map(20, 1, "r");  // the first event ends the snapshots
  CHECK(w.active(kAnonVma) == 2);
  CHECK(w.active(kAnonVmaChain) == 3);
  CHECK(w.spaces().at_start()[kVmAreaStruct] == 2);
  CHECK(w.allocs(kVmAreaStruct) == 3);
  CHECK(w.show(11) == "0-4 rw forked a1 | 20-21 r unfaulted");
  w.in(10).exit().in(11).exit();
  CHECK(w.active(kAnonVma) == 0);
}

TEST_CASE("counters of a kernel with degree are counted anew for two counters", "[attach]") {
  const std::vector<Link> parents = {{7, 7, 7, 3, 0}}, child = {{9, 7, 7, 1, 0}, {7, 7, 7, 3, 0}};
  struct Counters {
    std::string_view strategy;
    bool counts_anew;
    std::uint64_t children, active;  // counters of a7
  };
  for (const Counters& want :
       {Counters{"degree", false, 3, 0}, Counters{"degree", true, 3, 0},
        Counters{"num-children", true, 2, 1}, Counters{"linux-7.0", true, 2, 1}}) {
    INFO(want.strategy);
    World w(want.strategy, "6.19", {.counts_anew = want.counts_anew});
    attach(w, 10, parents);
    attach(w, 11, child);
    w.in(11).map(20, 1, "r");
    const Strategy& s = w.spaces().strategy();
    const auto links = s.chain_links(w.spaces().vmas(MmId{11}).front());
    REQUIRE(links.size() == 2);
    CHECK(links[1].num_children == want.children);
    CHECK(links[1].num_active_vmas == want.active);
    CHECK(links[0].num_children + links[0].num_active_vmas == 1);
  }
}

TEST_CASE("snapshots that come late name the same anon_vmas", "[attach]") {
  World w;
  attach(w, 10, kParent);
  w.in(10).map(20, 1, "r");
  attach(w, 11, kChild);
  w.in(10).unmap(20, 1);
  CHECK(w.active(kAnonVma) == 2);
  CHECK(w.active(kAnonVmaChain) == 3);
  CHECK(w.spaces().at_start()[kAnonVma] == 2);
}

TEST_CASE("other strategies live them again, dead ancestors included", "[attach]") {
  // The parent has exited: only its anon_vma is left, in the child's chain.
  for (const StrategyInfo& s : strategies()) {
    INFO(s.name);
    World w(s.name);
    attach(w, 11, kChild);
    w.in(11).map(20, 1, "r");
    CHECK(w.active(kVmAreaStruct) == 2);
    CHECK(w.spaces().strategy().faulted(w.spaces().vmas(MmId{11}).front()));
    if (s.name == "avc-3.0") {
      CHECK(w.active(kAnonVma) == 2);
      CHECK(w.active(kAnonVmaChain) == 2);
    }
    if (s.name == "legacy") CHECK(w.active(kAnonVma) == 1);
    w.in(11).exit();
    for (const CacheIndex c : {kVmAreaStruct, kAnonVmaChain, kAnonVma}) CHECK(w.active(c) == 0);
  }
}

TEST_CASE("a chain of parents that bites its own tail is cut", "[attach]") {
  for (const StrategyInfo& s : strategies()) {
    World w(s.name);
    attach(w, 10, {{1, 2, 2, 0, 1}, {2, 1, 1, 0, 0}});
    w.in(10).map(20, 1, "r").exit();
    CHECK(w.active(kVmAreaStruct) == 0);
  }
}

}  // namespace
}  // namespace anonvma::test
