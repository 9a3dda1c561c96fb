// The map of an address space: chains, roots, sharers, in designs that have them and in others.
#include "engine/look/space_map.h"

#include "test/support/look_example.h"

namespace anonvma::test {
namespace {

SpaceMap map_of(const Looking& looking, std::uint32_t mm) {
  const Scene scene = looking.scene();
  return map_space(scene, looking.stand(scene), looking.survey(), looking.life(mm));
}
using Numbers = std::vector<std::uint64_t>;

TEST_CASE("a map has the chain of each vma and the anon_vmas up to the root", "[look]") {
  const SpaceMap map = map_of(Looking(three_mms(), 5.5), 2);
  REQUIRE(map.vmas.size() == 1);
  CHECK(map.vmas[0].start == World::addr(0));
  CHECK(map.vmas[0].anon_vma == 3);
  CHECK(map.vmas[0].chain == Numbers{3, 2, 1});
  CHECK(map.vmas[0].walk == 1);
  CHECK(map.chain_entries == 3);
  REQUIRE(map.anon_vmas.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(map.anon_vmas[i].number == i + 1);
    CHECK(map.anon_vmas[i].depth == i);
    CHECK(map.anon_vmas[i].root == 1);
  }
  const MappedAnonVma& root = map.anon_vmas[0];
  CHECK(root.own_here == 0);
  CHECK(root.own_elsewhere == 1);
  CHECK(root.linked_here == 1);
  CHECK(root.linked_elsewhere == 2);
  CHECK(root.descendants == 2);
  CHECK(root.others == std::vector{MmId{0}, MmId{1}});
  CHECK(map.anon_vmas[2].others.empty());
  CHECK(map.shared == 2);
}

TEST_CASE("a map says who made each anon_vma", "[look]") {
  const SpaceMap map = map_of(Looking(three_mms(), 5.5), 2);
  const Origin& written = map.anon_vmas[0].origin;
  CHECK(written.how == Origin::How::write);
  CHECK(written.mm == MmId{0});
  CHECK(written.addr == World::addr(0));
  CHECK(written.ns == 3'000'000'000);
  const Origin& forked = map.anon_vmas[2].origin;
  CHECK(forked.how == Origin::How::fork);
  CHECK(forked.parent == MmId{1});
  CHECK(forked.mm == MmId{2});
  CHECK(map.names.comm(MmId{1}) == "task0");
}

TEST_CASE("an anon_vma keeps its number while others come and go", "[look]") {
  const SpaceMap later = map_of(Looking(three_mms(), 6.5), 2);
  CHECK(later.vmas[0].chain == Numbers{3, 2, 1});
  CHECK(later.anon_vmas[1].own_elsewhere == 0);
  CHECK(later.anon_vmas[1].others.empty());
}

TEST_CASE("designs without chains and without anon_vmas are mapped, too", "[look]") {
  const SpaceMap legacy = map_of(Looking(three_mms(), 5.5, "legacy"), 2);
  CHECK(legacy.vmas[0].anon_vma == 1);
  CHECK(legacy.vmas[0].chain.empty());
  CHECK(legacy.vmas[0].walk == 3);
  CHECK(legacy.has_anon_vmas);
  CHECK_FALSE(legacy.has_chains);
  REQUIRE(legacy.anon_vmas.size() == 1);
  CHECK(legacy.anon_vmas[0].own_elsewhere == 2);

  const SpaceMap contexts = map_of(Looking(three_mms(), 5.5, "cow-context"), 2);
  CHECK(contexts.vmas[0].faulted);
  CHECK(contexts.vmas[0].anon_vma == 0);
  CHECK(contexts.vmas[0].points_at == 0);
  CHECK(contexts.vmas[0].points_at_other != 0);
  CHECK_FALSE(contexts.has_anon_vmas);
  CHECK(contexts.anon_vmas.empty());

  // A lazy child is linked to its parent's anon_vma, and its pages point there.
  const SpaceMap lazy = map_of(Looking(three_mms(), 4.5, "lazy-v1"), 1);
  CHECK(lazy.vmas[0].anon_vma == 0);
  CHECK(lazy.vmas[0].points_at == 1);
  CHECK(lazy.vmas[0].chain == Numbers{1});
}

TEST_CASE("without a time the moment is the peak of the sum", "[look]") {
  const Scene scene = Looking(three_mms()).scene();
  CHECK(scene.why == Scene::Why::peak);
  CHECK(scene.events == 6);
  CHECK(scene.ns == 5'000'000'000);
}

TEST_CASE("the last state of an mm is that before its end", "[look]") {
  const Looking looking(three_mms());
  const Scene scene = looking.look().before_end(looking.life(1));
  CHECK(scene.events == 6);
  const SpaceMap map = map_space(scene, looking.stand(scene), looking.survey(), looking.life(1));
  CHECK(map.vmas[0].chain == Numbers{2, 1});
}

}  // namespace
}  // namespace anonvma::test
