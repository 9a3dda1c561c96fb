// Families of mms: numbers are used again, so that a replay without end stays small.
#include "engine/vma/mm_families.h"
#include "engine/vma/mm_table.h"
#include "test/catch.h"

namespace anonvma {

TEST_CASE("the number of a family without members is used again") {
  MmFamilies families;
  const std::uint32_t first = families.make();
  families.join(first);
  families.join(first);
  families.leave(first);
  CHECK(families.make() != first);  // it has a member
  families.leave(first);
  CHECK(families.make() == first);
  CHECK_FALSE(families.is_exiting(first));
}

TEST_CASE("the family of the attach never ends") {
  MmFamilies families;
  families.join(MmFamilies::kOfAttach);
  families.leave(MmFamilies::kOfAttach);
  CHECK(families.make() != MmFamilies::kOfAttach);
}

TEST_CASE("exits move with a family that is united with another") {
  MmFamilies families;
  const std::uint32_t a = families.make(), b = families.make();
  families.begin_exit(b);
  families.move_exits(b, a);
  CHECK(families.is_exiting(a));
  CHECK_FALSE(families.is_exiting(b));
  families.end_exit(a);
  CHECK_FALSE(families.is_exiting(a));
}

TEST_CASE("execs and exits without end need no more families than live mms") {
  SlabAccount slab;
  Anomalies anomalies;
  MmTable mms(slab, anomalies);
  std::uint32_t most = 0;
  for (std::uint32_t id = 1; id <= 1000; ++id) {
    const std::uint32_t slot = mms.take_slot();
    mms.name(slot, MmId{id});
    mms.join_family(mms[slot], mms.new_family());
    most = std::max(most, mms[slot].family);
    const std::uint32_t child = mms.take_slot();  // a fork in flight that fails
    mms.join_family(mms[child], mms[slot].family);
    mms.give_back(child);
    mms.forget(MmId{id});
    mms.give_back(slot);
  }
  CHECK(most <= 2);
}

TEST_CASE("united families keep their members") {
  SlabAccount slab;
  Anomalies anomalies;
  MmTable mms(slab, anomalies);
  const std::uint32_t a = mms.take_slot(), b = mms.take_slot();
  mms.name(a, MmId{1});
  mms.name(b, MmId{2});
  mms.join_family(mms[a], mms.new_family());
  mms.join_family(mms[b], mms.new_family());
  mms.begin_exit(mms[b]);
  mms.unite_families(mms[a], mms[b]);
  CHECK(mms[a].family == mms[b].family);
  CHECK(mms.family_is_exiting(mms[a]));
  mms.forget(MmId{2});
  mms.end_exit(mms[b]);
  mms.give_back(b);
  CHECK_FALSE(mms.family_is_exiting(mms[a]));
  CHECK(mms.new_family() != mms[a].family);
}

}  // namespace anonvma
