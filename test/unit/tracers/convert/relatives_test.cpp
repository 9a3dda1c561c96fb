#include "tracers/convert/relatives.h"

#include <cstdint>
#include <initializer_list>
#include <set>
#include <vector>

#include "test/catch.h"

namespace anonvma {
namespace {

// One vma for each root.
WalkedMm process(std::uint32_t tgid, std::initializer_list<std::uint64_t> roots) {
  WalkedMm mm{};
  mm.head.local_tgid = tgid;
  for (const std::uint64_t root : roots) {
    anonvma_walk_avc entry{};
    entry.root = root;
    mm.vmas.push_back({{}, {entry}, 0});
  }
  return mm;
}

using Tgids = std::set<std::uint32_t>;

TEST_CASE("relatives share a tree of anon_vmas, over any number of others", "[tracers]") {
  //  1 ─ a ─ 2 ─ b ─ 3    4 ─ c ─ 5    6
  const std::vector<WalkedMm> mms{process(1, {0xa}), process(2, {0xa, 0xb}), process(3, {0xb}),
                                  process(4, {0xc}), process(5, {0xc}),      process(6, {})};
  CHECK(with_relatives({1}, mms) == Tgids{1, 2, 3});
  CHECK(with_relatives({3, 4}, mms) == Tgids{1, 2, 3, 4, 5});
  CHECK(with_relatives({6}, mms) == Tgids{6});
}

TEST_CASE("a process that the walk did not see stays in the list", "[tracers]") {
  CHECK(with_relatives({7}, {}) == Tgids{7});
}

}  // namespace
}  // namespace anonvma
