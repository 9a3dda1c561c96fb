// Mms that lost records are read again: rounds of a Converter, from literal records and walks.
#include <algorithm>
#include <optional>

#include "test/catch.h"
#include "test/unit/tracers/convert/convert_pipe.h"

using namespace anonvma;
using namespace anonvma::test;

namespace {

using Addresses = std::vector<std::uint64_t>;
using Walks = std::vector<WalkedMm>;

// Ends a round. The recorder gets the list of live mms before it reads the rest of the ring, and
// asks again for each mm after that. Here both give `alive`.
void end_round(Pipe& p, const Addresses& alive) {
  p.converter.alive(alive);
  p.converter.end_round(p.clock, [&](std::uint64_t address) {
    return std::find(alive.begin(), alive.end(), address) != alive.end();
  });
}
// A round of the recorder that walks these mms; the mms in `unseen` are alive as well.
void round(Pipe& p, const std::vector<WalkedMm>& walked, Addresses unseen = {}) {
  p.converter.begin_round();
  p.converter.add_walk(99, SnapReason::resync, walked);
  for (const WalkedMm& mm : walked) {
    p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, mm.head.mm, mm.head.seq), 99});
    unseen.push_back(mm.head.mm);
  }
  p.converter.forget_walk(99);
  end_round(p, unseen);
}
// The same round, with a walked mm of default content for each of `alive`.
void read_again(Pipe& p, const std::vector<std::pair<std::uint64_t, std::uint32_t>>& alive,
                const Addresses& unseen = {}) {
  std::vector<WalkedMm> mms;
  for (const auto& [mm, seq] : alive) mms.push_back(p.walked(mm, seq));
  round(p, mms, unseen);
}
const std::string kResync = "snapshot/%/4 snap_vma/%/4 snap_chain/%/4";
std::string resync_of(int mm) {
  std::string text = kResync;
  for (std::size_t at; (at = text.find('%')) != text.npos;) text.replace(at, 1, std::to_string(mm));
  return text;
}

}  // namespace

TEST_CASE("a loss names its mm, and the next round reads it and its family") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.fork(kA, 1, kB);
  p.exec(kC, 0, 0);
  p.take();
  CHECK_FALSE(p.converter.suspects());
  p.converter.lost({ANONVMA_OP, 1, 3, kB, false}, 5000);
  CHECK(p.out == "lost/1");
  CHECK(std::get<Lost>(p.events.back().body) == Lost{3, 0, 1, 0});
  CHECK(p.converter.suspects());
  p.take();
  read_again(p, {{kA, 4}, {kB, 4}, {kC, 4}});
  CHECK(p.out == resync_of(0) + " " + resync_of(1));
  CHECK(std::get<SnapChain>(p.events.back().body).anon_vma);
  CHECK_FALSE(p.converter.suspects());
}

TEST_CASE("what waited for a lost number leaves before the snapshot, the rest goes on behind it") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.op(ANONVMA_OP_MUNMAP, kA, 3);  // number 1 was lost
  p.fault(kA, 2);
  p.op(ANONVMA_OP_MPROTECT, kA, 7);
  p.converter.lost({ANONVMA_OP, 0, 1, kA, false}, 5000);
  p.take();
  read_again(p, {{kA, 4}});
  CHECK(p.out == "fault/0/2 unmap/0/3 " + resync_of(0));
  p.take();
  p.op(ANONVMA_OP_MMAP, kA, 1);  // its record was late and not lost, and the snapshot shows it
  p.op(ANONVMA_OP_MMAP, kA, 5);
  CHECK(p.out == "map/0/5 protect/0/7");
  CHECK(p.order.given_up() == 0);
}

TEST_CASE("a child whose Fork was lost is found and announced by a snapshot") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.take();
  p.converter.lost({ANONVMA_FORK, 0, 1, kA, false}, 5000);
  p.converter.lost({ANONVMA_FORK, 0, 0, kB, false}, 5000);
  CHECK(p.out == "lost/0");
  p.take();
  p.op(ANONVMA_OP_MMAP, kB, 1);
  p.fault(kB, 2);
  CHECK(p.out.empty());
  CHECK(p.converter.report_unborn(5000) == 2);
  CHECK(p.out == "lost lost");
  for (const Event& e : p.events)
    if (const auto* lost = std::get_if<Lost>(&e.body); lost && !e.head.mm)
      CHECK(lost->unnamed == 1);
  p.take();
  read_again(p, {{kA, 4}, {kB, 4}});
  CHECK(p.out == resync_of(0) + " " + resync_of(1));
  CHECK(std::get<Snapshot>(p.events.at(p.events.size() - 3).body).by == MmId{0});
  p.take();
  p.op(ANONVMA_OP_MMAP, kB, 5);
  CHECK(p.out == "map/1/5");
}

TEST_CASE("an mm whose ExitMmap was lost is found gone, another one that no walk sees is not") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.exec(kB, 0, 0);
  p.converter.lost({ANONVMA_EXIT_MMAP, 0, 1, kA, false}, 5000);
  p.converter.lost({ANONVMA_FAULT, 0, 1, kB, false}, 5000);
  p.take();
  round(p, Walks{}, {kB});  // B is exiting: no task uses it
  CHECK(p.out == "exit_mmap/0 lost/1");
  CHECK(p.converter.suspects());
  p.take();
  p.op(ANONVMA_OP_MMAP, kB, 1);
  CHECK(p.out == "map/1/1");
  p.take();
  p.simple(ANONVMA_EXIT_MMAP, kB);
  round(p, Walks{});
  CHECK(p.out == "exit_mmap/1");
  CHECK_FALSE(p.converter.suspects());
}

TEST_CASE("when nobody noted whose records were lost, all are read again") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.exec(kB, 0, 0);
  p.converter.lost({ANONVMA_FAULT, 0, 1, 0, true}, 5000);
  p.take();
  read_again(p, {{kB, 4}, {kC, 4}});
  CHECK(p.out == resync_of(1) + " " + resync_of(2) + " exit_mmap/0");
}

TEST_CASE("a child of one that was read in this round needs no reading") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.converter.lost({ANONVMA_FAULT, 0, 1, kA, false}, 5000);
  p.take();
  p.converter.begin_round();
  p.converter.add_walk(9, SnapReason::resync, {p.walked(kA, 4), p.walked(kB, 2)});
  p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, kA, 4), 9});
  p.fork(kA, 5, kB);
  p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, kB, 2), 9});
  end_round(p, {kA, kB});
  CHECK(p.out == resync_of(0) + " fork/0/5");
  CHECK_FALSE(p.converter.suspects());
}

TEST_CASE("an mm that was born without its walk's record is suspect again") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.converter.lost({ANONVMA_FAULT, 0, 1, kA, false}, 5000);
  p.converter.begin_round();
  p.converter.add_walk(9, SnapReason::resync, {p.walked(kA, 4)});
  p.take();
  end_round(p, {kA});  // the ring was full: the record of the walk itself was lost
  CHECK(p.out == "lost/0");
  CHECK(p.converter.suspects());
}

namespace {

// The walk's result for A and its child B: each has a vma, which B inherited.
WalkedMm parent_of_b(Pipe& p, std::uint32_t seq) {
  WalkedMm w = p.walked(kA, seq);
  w.vmas[0].chain = {{0xa000, 0xa000, 0xa000, 2, 1, 1}};
  return w;
}
WalkedMm child_of_a(Pipe& p, std::uint32_t seq, std::uint64_t mm = kB) {
  WalkedMm w = p.walked(mm, seq, 42);
  w.vmas[0].vma.anon_vma = mm;
  w.vmas[0].chain = {{mm, 0xa000, 0xa000, 0, 1, 1}, {0xa000, 0xa000, 0xa000, 2, 1, 1}};
  return w;
}
std::string with_child(int parent, int child) {
  return resync_of(parent) + " " + resync_of(child) + " snap_chain/" + std::to_string(child) + "/4";
}
// Gives mm 0, at A, a lost record.
void lose_of_parent(Pipe& p) {
  p.exec(kA, 0, 0);
  p.converter.lost({ANONVMA_OP, 0, 1, kA, false}, 5000);
  p.take();
}

}  // namespace

TEST_CASE("an mm whose Fork was lost is not forgotten with the one that had its address before") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.fork(kA, 1, kB);
  p.converter.lost({ANONVMA_EXIT_MMAP, 0, 1, kB, false}, 5000);
  p.converter.lost({ANONVMA_FORK, 0, 1, kA, false}, 5000);
  p.converter.lost({ANONVMA_FORK, 0, 0, kB, false}, 5000);  // a record of the next mm
  p.take();
  round(p, {parent_of_b(p, 4)}, {kB});  // the walk read it before its birth
  CHECK(p.out == resync_of(0) + " exit_mmap/1 lost/0");
  CHECK(p.converter.suspects());
  p.take();
  round(p, {parent_of_b(p, 4), child_of_a(p, 4)});
  CHECK(p.out == with_child(0, 2));
  CHECK_FALSE(p.converter.suspects());
}

TEST_CASE("an mm that a walk shows and nobody has announced is read with the others") {
  Pipe p;
  lose_of_parent(p);
  round(p, {parent_of_b(p, 4), child_of_a(p, 4)});
  CHECK(p.out == with_child(0, 1));
  p.take();
  p.converter.lost({ANONVMA_OP, 0, 1, kB, false}, 5000);  // B is A's relative from now on
  p.take();
  round(p, {parent_of_b(p, 4), child_of_a(p, 4)});
  CHECK(p.out == with_child(0, 1));
}

TEST_CASE("one that comes before its relatives is of their family, too") {
  Pipe p;
  lose_of_parent(p);
  round(p, {child_of_a(p, 4), parent_of_b(p, 4)});
  CHECK(p.out == resync_of(1) + " snap_chain/1/4 " + resync_of(0));
  p.converter.lost({ANONVMA_OP, 0, 1, kA, false}, 5000);
  p.take();
  round(p, {parent_of_b(p, 4), child_of_a(p, 4)});
  CHECK(p.out == with_child(0, 1));
}

TEST_CASE("the child of one whose birth was lost is looked for, too") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.converter.lost({ANONVMA_FORK, 0, 1, kA, false}, 5000);
  p.converter.lost({ANONVMA_FORK, 0, 0, kB, false}, 5000);
  p.fork(kB, 1, kC);
  p.simple(ANONVMA_EXIT_MMAP, kB);
  p.take();
  CHECK(p.converter.orphans() == 0);
  round(p, {parent_of_b(p, 4)}, {kC});
  CHECK(p.out == resync_of(0) + " lost/0");
  p.take();
  round(p, {parent_of_b(p, 4), child_of_a(p, 4, kC)});
  CHECK(p.out == with_child(0, 1));
  CHECK_FALSE(p.converter.suspects());
}

TEST_CASE("a fork that the parent's snapshot shows taints it until the child was read") {
  Pipe p;
  lose_of_parent(p);
  read_again(p, {{kA, 4}});
  CHECK_FALSE(p.converter.suspects());
  p.take();
  p.fork(kA, 3, kB);
  CHECK(p.out == "lost/0");
  p.take();
  round(p, {parent_of_b(p, 4), child_of_a(p, 4)});
  CHECK(p.out == with_child(0, 1));
  p.take();
  p.fork(kA, 3, kB);  // the record of the Fork came late
  CHECK(p.out.empty());
  CHECK_FALSE(p.converter.suspects());
}

TEST_CASE(
    "a loss of an mm whose Fork still waits taints it behind that, and its relatives at once") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.fork(kA, 3, kB);  // number 1 is in flight
  p.take();
  p.converter.lost({ANONVMA_OP, 0, 2, kB, false}, 5000);
  CHECK(p.out == "lost lost/0");
  CHECK(std::get<Lost>(p.events.end()[-2].body) == Lost{2, 0, 0, 1});
  CHECK(std::get<Lost>(p.events.back().body).count == 0);
  p.take();
  p.op(ANONVMA_OP_MMAP, kA, 1);
  CHECK(p.out == "map/0/1 fork/0/3 lost/1");
  CHECK(p.converter.suspects());
}

TEST_CASE("what was lost of a newborn is not forgotten with the one that had its address before") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.converter.lost({ANONVMA_EXIT_MMAP, 0, 1, kA, false}, 5000);
  p.converter.lost({ANONVMA_OP, 0, 1, kA, false}, 5000);  // perhaps of the next mm
  p.take();
  p.exec(kA, 4, 0, 1);
  CHECK(p.out == "exit_mmap/0 exec/1/4 snapshot/1/4 snap_vma/1/4 lost/1/4");
  CHECK(p.converter.suspects());
}

TEST_CASE("an exec whose vmas did not all come is unsure from its birth on") {
  Pipe p;
  anonvma_exec_record r{};
  r.head = p.head(ANONVMA_EXEC, kA, 4, 2);
  r.nr_vmas = 2;
  p.feed(r);
  CHECK(p.out == "exec/0/4 snapshot/0/4 lost/0/4");
  CHECK(p.converter.suspects());
}

TEST_CASE("a relative that no walk shows as it is exiting leaves the others tainted") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.fork(kA, 1, kB);
  p.converter.lost({ANONVMA_OP, 0, 1, kA, false}, 5000);
  p.take();
  round(p, {parent_of_b(p, 4)}, {kB});
  CHECK(p.out == resync_of(0) + " lost/0 lost/1");
  CHECK(p.converter.suspects());
  p.simple(ANONVMA_EXIT_MMAP, kB);
  p.take();
  read_again(p, {{kA, 4}});
  CHECK(p.out == resync_of(0));
  CHECK_FALSE(p.converter.suspects());
}

TEST_CASE("a relative that was read, or ended, behind a fork behind a snapshot is a doubt") {
  const bool ends = GENERATE(false, true);
  Pipe p;
  p.exec(kA, 0, 0);
  p.fork(kA, 1, kB);
  p.converter.lost({ANONVMA_OP, 0, 1, kA, false}, 5000);
  p.converter.begin_round();
  p.converter.add_walk(9, SnapReason::resync, {parent_of_b(p, 4), child_of_a(p, 4)});
  p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, kA, 4), 9});
  p.fork(kA, 5, kC);
  if (ends)
    p.simple(ANONVMA_EXIT_MMAP, kB);
  else
    p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, kB, 4), 9});
  p.take();
  if (ends)
    end_round(p, {kA, kC});
  else
    end_round(p, {kA, kB, kC});
  CHECK(p.out == (ends ? "lost/0 lost/2" : "lost/0 lost/1 lost/2"));
  CHECK(p.converter.suspects());
}

TEST_CASE("an anon_vma with more users than the snapshots show is a doubt, and then all are read") {
  Pipe p;
  p.exec(kC, 0, 0);
  lose_of_parent(p);
  round(p, {parent_of_b(p, 4)}, {kC});
  CHECK(p.out == resync_of(1) + " lost/1");
  p.take();
  WalkedMm other = p.walked(kC, 4);
  other.vmas.clear();
  round(p, {parent_of_b(p, 4), child_of_a(p, 4), other});
  CHECK(p.out == with_child(1, 2) + " snapshot/0/4");
  CHECK_FALSE(p.converter.suspects());
}

TEST_CASE("two anon_vmas of one address in one round are a doubt") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.fork(kA, 1, kB);
  p.converter.lost({ANONVMA_OP, 0, 1, kA, false}, 5000);
  WalkedMm b = child_of_a(p, 4);
  b.vmas[0].chain[1].root = 0xb000;
  p.take();
  round(p, {parent_of_b(p, 4), b});
  CHECK(p.out.ends_with("lost/0 lost/1"));
}

TEST_CASE("who is known and lives no more has ended, whoever's records were lost") {
  Pipe p;
  p.exec(kB, 0, 0);
  lose_of_parent(p);
  read_again(p, {{kA, 4}});
  CHECK(p.out == resync_of(1) + " exit_mmap/0");
}

TEST_CASE("where not all that live are known nothing is called whole") {
  Pipe p;
  lose_of_parent(p);
  p.converter.begin_round();
  p.converter.add_walk(9, SnapReason::resync, {p.walked(kA, 4)});
  p.feed(anonvma_walk_record{p.head(ANONVMA_WALK, kA, 4), 9});
  p.converter.alive(std::nullopt);
  p.converter.end_round(p.clock, [](std::uint64_t) { return true; });
  CHECK(p.out == resync_of(0) + " lost/0");
  CHECK(p.converter.suspects());
}

TEST_CASE("a loss that is told again where it may have happened taints once") {
  Pipe p;
  lose_of_parent(p);
  p.converter.lost({ANONVMA_OP, 0, 0, kA, false}, 5000);
  CHECK(p.out.empty());
  read_again(p, {{kA, 4}});
  p.take();
  p.converter.lost({ANONVMA_OP, 0, 0, kA, false}, 5000);  // after the state that the round read
  CHECK(p.out == "lost/0");
  CHECK(p.converter.suspects());
}

TEST_CASE("records of an mm before its birth taint it when it is born") {
  Pipe p;
  p.converter.lost({ANONVMA_EXEC_VMA, 0, 2, kA, false}, 5000);
  CHECK(std::get<Lost>(p.events.back().body).unnamed == 1);
  p.take();
  p.exec(kA, 4, 0, 1);
  CHECK(p.out == "exec/0/4 snapshot/0/4 snap_vma/0/4 lost/0/4");
  CHECK(std::get<Lost>(p.events.back().body) == Lost{0, 0, 0, 0});
  CHECK(p.converter.suspects());
}

TEST_CASE("vmas of an exec whose end was lost are no part of the next look") {
  Pipe p;
  for (const std::uint64_t start : {0x1000, 0x8000})
    p.feed(anonvma_exec_vma_record{p.head(ANONVMA_EXEC_VMA, kA, 0),
                                   {start, start + 0x1000, 1, 0, 0, 0, 0, 0, 1, 0, 0}});
  p.exec(kB, 4, 0, 2);
  CHECK(p.out == "exec/0/4 snapshot/0/4 snap_vma/0/4 snap_vma/0/4");
  CHECK(std::get<SnapVma>(p.events.back().body).start == 0x2000);
}

TEST_CASE("a fork that waits for its parent's birth goes where a snapshot is that birth") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.fork(kA, 3, kB);  // number 1 was lost: B is unknown
  p.fork(kB, 3, kC);
  p.converter.lost({ANONVMA_OP, 0, 1, kA, false}, 5000);
  p.take();
  read_again(p, {{kC, 4}, {kB, 4}, {kA, 4}});
  CHECK(p.out == resync_of(2) + " " + resync_of(1) + " " + resync_of(0));
  p.take();
  p.op(ANONVMA_OP_MMAP, kC, 5);
  p.op(ANONVMA_OP_MMAP, kB, 5);
  CHECK(p.out == "map/2/5 map/1/5");
}

TEST_CASE("another mm at the address of one whose end was lost is not that one") {
  Pipe p;
  p.exec(kA, 0, 0);
  p.converter.lost({ANONVMA_EXIT_MMAP, 0, 1, kA, false}, 5000);
  p.take();
  read_again(p, {{kA, 4}});
  CHECK(p.out == "exit_mmap/0 " + resync_of(1));
}
