// Kernels that free vmas by RCU: the owner of a vma that comes back late, and its effect
// on the verifier.
#include <optional>
#include <string>

#include "test/catch.h"
#include "test/support/verify_tape.h"
#include "test/unit/tracers/convert/convert_pipe.h"

using namespace anonvma;
using namespace anonvma::test;

namespace {

constexpr std::uint64_t kVma = 0xffff888000100000;

struct Vmas : Pipe {
  void truth(std::uint64_t mm, anonvma_truth_site site, bool freed, bool in_exec = false,
             std::uint64_t object = kVma) {
    anonvma_truth_record r{};
    r.head = head(ANONVMA_TRUTH, mm, 0, 0);
    r.object = object;
    r.cache = ANONVMA_CACHE_VMA;
    r.site = static_cast<std::uint8_t>(site);
    r.freed = freed;
    r.in_exec = in_exec;
    r.waits = 1;
    feed(r);
  }
  void alloc(std::uint64_t mm) { truth(mm, ANONVMA_SITE_VMA_ALLOC, false); }
  void come_back(std::uint64_t mm) {
    take();
    truth(mm, ANONVMA_SITE_VMA_FREE_RCU, true);
  }
  void walk_shows(std::uint64_t object) {
    WalkedMm w = walked(kA, 4);
    w.vmas.front().object = object;
    converter.add_walk(1, SnapReason::attach, {w});
    feed(anonvma_walk_record{head(ANONVMA_WALK, kA, 4), 1});
  }
};

}  // namespace

TEST_CASE("a vma that comes back late belongs to the mm that had it", "[grace]") {
  Vmas p;
  p.exec(kA, 0, 0);
  p.alloc(kA);
  SECTION("which lives") {
    p.come_back(kA);
    CHECK(p.out == "truth/0");
  }
  SECTION("which has ended") {
    p.simple(ANONVMA_EXIT_MMAP, kA);
    p.come_back(kA);
    CHECK(p.out == "truth/0");
  }
  SECTION("which has ended, and its address is another's, and another's again") {
    for (int i = 0; i < 2; ++i) {
      p.simple(ANONVMA_EXIT_MMAP, kA);
      p.exec(kA, 0, 0);
    }
    p.come_back(kA);
    CHECK(p.out == "truth/0");
  }
  SECTION("once only") {
    p.come_back(kA);
    p.come_back(kA);
    CHECK(p.out == "");
  }
  SECTION("a child's, allocated by its parent before it had a name") {
    p.simple(ANONVMA_EXIT_MMAP, kB);
    anonvma_truth_record r{};
    r.head = p.head(ANONVMA_TRUTH, kA, 3, 0);
    r.object = kVma + 0x1000;
    r.waits = r.forking = 1;
    p.feed(r);
    p.fork(kA, 3, kB);
    p.take();
    p.truth(kB, ANONVMA_SITE_VMA_FREE_RCU, true, false, kVma + 0x1000);
    CHECK(p.out == "truth/1");
  }
}

TEST_CASE("a vma of an execve comes back within it, or later", "[grace]") {
  Vmas p;
  p.truth(0, ANONVMA_SITE_VMA_ALLOC, false, true);
  SECTION("within") {
    p.come_back(kA);
    const auto& truth = std::get<Truth>(p.events.back().body);
    CHECK(truth.in_exec == 1);
    CHECK(p.events.back().head.tid == 41);
  }
  SECTION("later") {
    p.exec(kA, 0, 0);
    p.come_back(kA);
    CHECK(p.out == "truth/0");
    CHECK(std::get<Truth>(p.events.back().body).in_exec == 0);
  }
}

TEST_CASE("what was freed before the recording began is not of it", "[grace]") {
  Vmas p;
  p.converter.start().begin();
  SECTION("never seen") {
    p.walk_shows(kVma + 0x1000);
    p.come_back(kA);
    CHECK(p.out == "");
  }
  SECTION("the walk shows it") {
    p.walk_shows(kVma);
    p.come_back(kA);
    CHECK(p.out == "truth/0");
  }
  SECTION("allocated and freed before the walk") {
    p.alloc(kA);
    p.walk_shows(kVma + 0x1000);
    p.come_back(kA);
    CHECK(p.out == "");
  }
}

namespace {

Truth come_back() {
  return {.cache = kVmAreaStruct,
          .site = static_cast<std::uint64_t>(TruthSite::vma_free_rcu),
          .object = 0,
          .freed = 1,
          .in_exec = 0};
}

Verdict verdict_of(const Tape& tape) {
  Meta meta;
  meta.vma_free_rcu = true;
  return verify(tape, true, meta);
}

std::uint64_t waiting(const Verdict& verdict) {
  for (const Excluded& excluded : verdict.excluded)
    if (excluded.name == "waiting for RCU") return excluded.objs[kVmAreaStruct];
  return ~0ull;
}

// A life in which an operation frees a vma.
Tape unmapped() {
  Tape t = youth();
  return t.op(Unmap{World::addr(2), 2 * kPage, 0}, 3, "-c");
}
Tape& end(Tape& t) { return t.kernel("-c -c -a2 -a1 -v -v").add(ExitMmap{}); }

}  // namespace

TEST_CASE("vmas that come back late are compared by address space", "[grace]") {
  Tape t = unmapped();
  SECTION("before the mm ends") {
    t.add(come_back());
    const Verdict verdict = verdict_of(end(t));
    CHECK(verdict.proves());
    CHECK(waiting(verdict) == 0);
  }
  SECTION("behind the end of the mm") {
    end(t).add(come_back());
    const Verdict verdict = verdict_of(t);
    CHECK(verdict.proves());
    CHECK(waiting(verdict) == 0);
  }
  SECTION("behind the end of the recording") {
    const Verdict verdict = verdict_of(t);
    CHECK(verdict.proves());
    CHECK(waiting(verdict) == 1);
    CHECK(waiting(verdict_of(end(t))) == 1);
  }
  SECTION("never") {
    t.head.time_ns = 5'000'000'000;
    const Verdict verdict = verdict_of(end(t));
    CHECK_FALSE(verdict.agrees());
    CHECK(verdict.differences.size() == 2);  // in the mm, and at the end
  }
  SECTION("twice") {
    t.add(come_back()).add(come_back());
    CHECK_FALSE(verdict_of(end(t)).agrees());
  }
  SECTION("twice, behind the end of the mm") {
    end(t).head.time_ns = 5'000'000'000;
    t.add(come_back()).add(come_back());
    CHECK_FALSE(verdict_of(t).agrees());
  }
  SECTION("allocations are compared by operation as ever") {
    t.op(map_event(20, 1), 2, "+v +v").add(come_back()).add(come_back());
    CHECK_FALSE(verdict_of(t).agrees());
  }
}

TEST_CASE("what a refused call and a loader gave up comes back late, too", "[grace]") {
  Tape t = youth();
  Map refused = map_event(20, 1);
  refused.ret = -12;
  t.op(refused, 3, "+v").add(come_back());
  CHECK(verdict_of(t).proves());
  Tape loader;
  loader.kernel("+v +v +p +a1", true).add(Exec{});
  loader.see(SnapReason::exec, without_chains({parent(0)[2]}));
  CHECK(waiting(verdict_of(loader)) == 1);
  loader.add(come_back());
  const Verdict verdict = verdict_of(loader);
  CHECK(verdict.proves());
  CHECK(waiting(verdict) == 0);
}
