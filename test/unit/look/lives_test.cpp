// The lives of mms, and the choice of one by a word.
#include "engine/look/lives.h"

#include "engine/look/mm_list.h"
#include "test/support/look_example.h"

namespace anonvma::test {
namespace {

TEST_CASE("a life has its birth, its process and its end", "[look]") {
  const Looking looking(three_mms());
  const MmLife& first = looking.life(0);
  CHECK(first.birth == Birth::exec);
  CHECK(first.comm == "task0");
  CHECK(first.tgid == 100);
  CHECK(first.end_event == MmLife::kAlive);
  const MmLife& child = looking.life(1);
  CHECK(child.birth == Birth::fork);
  CHECK(child.from == MmId{0});
  CHECK(child.comm == "task0");  // as its parent until an exec
  CHECK(child.born_event == 4);
  CHECK(child.end_event == 6);
  CHECK_FALSE(child.alive_after(4));
  CHECK(child.alive_after(5));
  CHECK(child.alive_after(6));
  CHECK_FALSE(child.alive_after(7));
}

TEST_CASE("the exit of the last task ends a life", "[look]") {
  Lives lives;
  lives.apply({{.mm = MmId{7}}, Exec{}}, 0);
  lives.apply({{.mm = MmId{7}}, ExitTask{}}, 1);  // another task goes on
  CHECK(lives.find(MmId{7})->end_event == MmLife::kAlive);
  lives.apply({{.mm = MmId{7}, .map_count = 3}, ExitTask{}}, 2);
  lives.apply({{.mm = MmId{7}}, ExitMmap{}}, 3);
  CHECK(lives.find(MmId{7})->end_event == 2);
}

MmId chosen(const Looking& looking, std::string_view word, std::uint64_t events) {
  const auto mm = choose_mm(looking.survey().lives, word, events);
  return mm ? mm->mm : MmId{};
}

TEST_CASE("an mm is chosen by its number, a pid, or a comm", "[look]") {
  Life life = three_mms();
  life.exec(9);
  const Looking looking(life);
  CHECK(chosen(looking, "2", 9) == MmId{2});
  CHECK(chosen(looking, "101", 9) == MmId{1});  // no mm has this number
  CHECK(chosen(looking, "pid:101", 9) == MmId{1});
  CHECK(chosen(looking, "task9", 9) == MmId{9});
  CHECK(chosen(looking, "task0", 4) == MmId{0});  // the only one that lives then
  const auto several = choose_mm(looking.survey().lives, "task0", 6);
  REQUIRE_FALSE(several);
  CHECK_THAT(several.error().message, ContainsSubstring("3 mms fit (mm 0 (task0), from 0.000 s"));
  const auto none = choose_mm(looking.survey().lives, "nobody", 6);
  REQUIRE_FALSE(none);
  CHECK_THAT(none.error().message, ContainsSubstring("without --mm all are listed"));
  CHECK_FALSE(choose_mm(looking.survey().lives, "4294967295", 6));
  CHECK_FALSE(choose_mm(looking.survey().lives, "pid:x", 6));
}

TEST_CASE("the list has the mms of the moment, most bytes first", "[look]") {
  const Looking looking(three_mms(), 5.5);
  const Scene scene = looking.scene();
  const MmList list = list_mms(scene, looking.stand(scene), looking.survey());
  REQUIRE(list.mms.size() == 3);
  CHECK(list.mms_ever == 3);
  CHECK(list.mms[0].mm.mm == MmId{2});
  CHECK(list.mms[0].objs[kAnonVmaChain] == 3);
  CHECK(list.mms[2].mm.mm == MmId{0});
  CHECK(list.mms[0].bytes > list.mms[2].bytes);
}

TEST_CASE("a trace without events has nothing to show", "[look]") {
  const std::vector<std::byte> bytes = Life().trace();
  auto reader = TraceReader::open(bytes);
  REQUIRE(reader);
  const auto found = survey(*reader, {}, Budget{});
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::bad_trace);
}

TEST_CASE("a file may not name more mms than fit into its budget", "[look]") {
  const std::vector<std::byte> bytes = three_mms().trace();
  auto reader = TraceReader::open(bytes);
  REQUIRE(reader);
  const auto found = survey(*reader, {}, Budget{.bytes = 400});
  REQUIRE_FALSE(found);
  CHECK_THAT(found.error().message, ContainsSubstring("--no-limits"));
}

}  // namespace
}  // namespace anonvma::test
