// `check`: each kind of finding by the smallest trace that has it, and no finding where
// all is well.
#include "engine/trace/check.h"

#include <set>

#include "engine/trace/text.h"
#include "test/catch.h"
#include "test/support/random_events.h"
#include "test/support/trace_bytes.h"

using namespace anonvma;
using namespace anonvma::test;

namespace {

// A process alive at the start, one that execs, and a child.
const char* const kGood =
    "0.100 tid=1 mm=0 seq=4 map_count=2 snapshot nr_vmas=2\n"
    "0.100 tid=1 mm=0 seq=4 map_count=2 snap_vma start=0x1000 end=0x3000 anon_vma=5 nr_chain=2\n"
    "0.100 tid=1 mm=0 seq=4 map_count=2 snap_chain anon_vma=5 root=4 parent=4\n"
    "0.100 tid=1 mm=0 seq=4 map_count=2 snap_chain anon_vma=4 root=4 parent=4\n"
    "0.100 tid=1 mm=0 seq=4 map_count=2 snap_vma start=0x3000 end=0x4000\n"
    "0.050 tid=1 mm=0 seq=5 map_count=2 map len=4096 ret=0x9000\n"
    "0.060 tid=1 mm=0 seq=6 fault addr=0x9000 flags=3\n"
    "0.060 tid=9 truth cache=1 site=3 object=1\n"
    "0.070 tid=1 mm=0 seq=9 map_count=3 fork child=1 child_tid=2\n"
    "0.080 tid=2 mm=1 seq=3 map_count=3 unmap addr=0x9000 len=4096\n"
    "0.090 tid=2 mm=2 seq=8 map_count=0 exec old_mm=1\n"
    "0.090 tid=2 mm=2 seq=8 map_count=0 snapshot reason=1\n"
    "0.091 tid=2 mm=1 exit_mmap\n"
    "0.095 tid=9 truth cache=1 site=6 object=1 freed=1\n"
    "0.099 tid=2 mm=2 exit_mmap\n";

const char* const kBorn = "0.1 tid=1 mm=0 seq=4 snapshot\n";

CheckResult check_file(std::span<const std::byte> file) {
  auto result = check(file);
  REQUIRE(result);
  return *result;
}

FileBytes file_of(const std::string& text, std::size_t flush_every = 0) {
  const auto events = parse_text(text);
  REQUIRE(events);
  EndInfo end;
  for (const Event& event : *events)
    if (const auto* lost = std::get_if<Lost>(&event.body)) end.lost += lost->count;
  return write_trace(*events, flush_every, {}, end);
}

CheckResult check_text(const std::string& text) { return check_file(file_of(text)); }

// "seq@3 seq@5": kinds of findings and their events.
std::string found(const CheckResult& result) {
  std::string out;
  for (const Finding& finding : result.findings) {
    if (!out.empty()) out += ' ';
    out += info_of(finding.kind).name;
    if (finding.event) out += "@" + std::to_string(*finding.event);
  }
  return out;
}

struct Row {
  const char* findings;
  const char* events;
};

}  // namespace

TEST_CASE("a trace that keeps its promises has no findings") {
  const CheckResult result = check_text(kGood);
  REQUIRE(found(result) == "");
  REQUIRE(result.all() == 0);
  REQUIRE(result.events == 15);
  REQUIRE(result.hash == read_trace(file_of(kGood)).hash);
  for (std::size_t every = 1; every < 15; ++every)
    REQUIRE(found(check_file(file_of(kGood, every))) == "");
}

TEST_CASE("each contradiction of events is found where it is") {
  const std::string born = kBorn;
  const Row rows[] = {
      {"time@2", "11.5 tid=1 mm=0 fault\n1.4 tid=1 mm=0 fault\n"},
      {"", "11.5 tid=1 mm=0 fault\n1.6 tid=1 mm=0 fault\n"},
      {"seq@2", "0.1 mm=0 seq=7 unmap\n0.1 mm=0 seq=7 unmap\n"},
      {"seq@2", "0.1 mm=0 seq=9 unmap\n0.1 mm=0 seq=7 brk\n"},
      {"seq@1", "0.1 mm=0 seq=3 unmap\n"},
      {"", "0.1 mm=0 seq=9 unmap\n0.1 mm=0 seq=6 fault\n"},
      {"", "0.1 mm=0 seq=9 step copied=1\n0.1 mm=0 seq=9 fork child=1\n"},
      {"", "0.1 mm=0 seq=9 unknown_write\n0.1 mm=0 seq=11 unmap\n0.1 mm=0 seq=9 unmap\n"},
      {"mm_unborn@1", "0.1 mm=1 fault\n"},
      {"mm_dead@2", "0.1 mm=0 exit_mmap\n0.1 mm=0 fault\n"},
      {"mm_born_twice@1", "0.1 mm=0 seq=5 fork child=0\n"},
      {"mm_born_twice@1", "0.1 mm=0 seq=6 snapshot\n"},
      {"mm_born_twice@2", "0.1 mm=0 exit_mmap\n0.1 mm=0 seq=6 snapshot\n"},
      {"snapshot@2", "0.1 mm=0 snapshot reason=3 nr_vmas=1\n0.1 mm=0 fault\n"},
      {"snapshot@2", "0.1 mm=0 snapshot reason=3 nr_vmas=1\n0.1 mm=0 snapshot reason=3\n"},
      {"snapshot@2", "0.1 mm=0 snapshot reason=3 nr_vmas=1\n"},
      {"snapshot@1", "0.1 mm=0 snap_vma start=0x1000 end=0x2000\n"},
      {"snapshot@1", "0.1 mm=0 snapshot reason=1\n"},
      {"snapshot@2", "0.1 mm=1 exec\n0.1 mm=0 fault\n"},
      {"value@1", "0.1 mm=0 lock op=5\n"},
      {"", "0.1 mm=0 snapshot reason=200\n"},  // a trace of a newer recorder
      {"value@1", "0.1 truth cache=3\n"},
      {"value@1", "0.1 fault\n"},
      {"alignment@1", "0.1 mm=0 fault addr=0x1001\n"},
      {"alignment@1", "0.1 mm=0 map ret=0x1001\n"},
      {"", "0.1 mm=0 map ret=-12\n"},
      {"truth_alloc@2", "0.1 truth object=1\n0.1 truth object=1\n"},
      {"truth_alloc@3", "0.1 truth object=1\n0.1 truth object=1 freed=1\n0.1 truth object=1\n"},
      {"", "0.1 text kind=1 id=1 length=1 text=a\n0.1 text kind=9 id=1 length=1 text=b\n"},
      {"text@2", "0.1 text kind=1 id=1 length=1 text=a\n0.1 text kind=1 id=1 length=1 text=b\n"},
      {"text@1", "0.1 text kind=1 id=1 length=33 offset=32 text=a\n"},
      {"text@2", "0.1 text kind=1 id=1 length=33 text=0123456789abcdef0123456789abcdef\n"},
      {"snapshot@2", "0.1 mm=1 exec\n0.1 text kind=1 id=1 length=1 text=a\n"},
      {"truth_free@2", "0.1 truth object=1 freed=1\n0.1 truth object=1 freed=1\n"},
      {"", "0.1 truth object=1\n0.1 truth cache=1 object=1\n0.1 truth object=2 freed=1\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.events);
    CHECK(found(check_text(born + row.events)) == row.findings);
  }
  REQUIRE(found(check_text("0.1 mm=0 seq=4294967290 snapshot\n0.1 mm=0 seq=4294967295 unmap\n"
                           "0.1 mm=0 seq=1 unmap\n0.1 mm=0 seq=1 unmap\n")) == "seq@3");
}

TEST_CASE("each contradiction within a snapshot is found where it is") {
  const std::string two = "0.1 mm=0 seq=4 snapshot nr_vmas=2\n";
  const std::string one = "0.1 mm=0 seq=4 snapshot nr_vmas=1\n";
  const std::string vma = "0.1 mm=0 snap_vma start=0x1000 end=0x3000 anon_vma=5 nr_chain=2\n";
  const std::string own = "0.1 mm=0 snap_chain anon_vma=5 root=4 parent=4\n";
  REQUIRE(found(check_text(one + vma + own + own)) == "");
  const Row rows[] = {
      {"vma_order@2",
       "0.1 mm=0 snap_vma start=0x1000 end=0x3000\n"
       "0.1 mm=0 snap_vma start=0x2000 end=0x4000\n"},
      {"vma_order@1",
       "0.1 mm=0 snap_vma start=0x1000 end=0x1000\n"
       "0.1 mm=0 snap_vma start=0x2000 end=0x4000\n"},
      {"alignment@1",
       "0.1 mm=0 snap_vma start=0x1008 end=0x2000\n"
       "0.1 mm=0 snap_vma start=0x2000 end=0x4000\n"},
      {"snapshot@2",
       "0.1 mm=0 snap_vma start=0x1000 end=0x2000\n"
       "0.1 mm=1 snap_vma start=0x2000 end=0x4000\n"},
      {"snapshot@2",
       "0.1 mm=0 snap_vma start=0x1000 end=0x2000\n"
       "0.1 mm=0 snap_chain anon_vma=1 root=1 parent=1\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.events);
    CHECK(found(check_text(two + row.events)) == row.findings);
  }
  const Row chains[] = {
      {"chain@3", "0.1 mm=0 snap_chain anon_vma=5 root=3 parent=4\n"},
      {"chain@3", "0.1 mm=0 snap_chain anon_vma=4 root=3 parent=3\n"},
      {"chain@3", "0.1 mm=0 snap_chain root=3 parent=3\n"},
      {"chain@3", "0.1 mm=0 snap_chain anon_vma=4 root=4 parent=3\n"},
  };
  for (const Row& row : chains) {
    CAPTURE(row.events);
    const std::string got = found(check_text(one + vma + own + row.events));
    CHECK(got.substr(0, 7) == row.findings);
  }
  const std::string others = "0.1 mm=0 snap_chain anon_vma=6 root=6 parent=6\n";
  REQUIRE(found(check_text(one + vma + others + others)) == "chain@3");
}

TEST_CASE("what follows from a loss is no finding, what cannot is") {
  const std::string born = kBorn;
  const CheckResult behind = check_text(born + "0.1 lost count=3\n0.1 mm=7 fault\n");
  REQUIRE(found(behind) == "");
  REQUIRE(behind.softened == 1);
  REQUIRE(behind.lost == 3);
  // The recorder learns of a loss a little later.
  const CheckResult before = check_text(born + "0.1 mm=7 fault\n0.2 lost count=3\n");
  REQUIRE(found(before) == "");
  REQUIRE(before.softened == 1);
  const CheckResult too_late =
      check_text(born + "0.1 mm=7 fault\n11.2 mm=0 fault\n11.3 lost count=3\n");
  REQUIRE(found(too_late) == "mm_unborn@1");
  REQUIRE(found(check_text(born + "0.1 lost count=3\n0.1 mm=0 fault addr=1\n")) == "alignment@2");
  REQUIRE(found(check_text(born + "0.1 mm=0 snapshot reason=3 nr_vmas=1\n0.2 lost count=3\n")) ==
          "");
}

// The file of a recorder that is killed after these events, with and without a part of
// the next chunk.
TEST_CASE("what a cut file leaves open is no finding") {
  const std::string born = kBorn;
  struct Open {
    const char* events;
    const char* whole;  // findings of the same events in a file that goes on, or ends
    std::uint64_t undecided;
  };
  const Open rows[] = {
      {"0.1 mm=0 snapshot reason=3 nr_vmas=2\n", "snapshot@2", 0},
      {"0.1 mm=0 snapshot reason=3 nr_vmas=2\n0.1 mm=0 snap_vma start=0x1000 end=0x2000\n",
       "snapshot@3", 0},
      {"0.1 mm=0 snapshot reason=3 nr_vmas=1\n"
       "0.1 mm=0 snap_vma start=0x1000 end=0x2000 anon_vma=5 nr_chain=2\n"
       "0.1 mm=0 snap_chain anon_vma=4 root=4 parent=4\n",
       "snapshot@4", 0},
      {"0.1 mm=1 exec old_mm=0\n", "snapshot@2", 0},
      {"0.1 mm=7 fault\n", "mm_unborn@1", 1},
      {"0.1 mm=0 seq=9 unmap\n0.1 mm=0 seq=7 brk\n", "seq@2", 1},
      {"0.1 truth object=1\n0.1 truth object=1\n", "truth_alloc@2", 1},
      {"0.1 mm=0 snapshot reason=3 nr_vmas=2\n0.1 mm=0 fault\n", "snapshot@2", 1},
      // A finding that no loss explains, or that a loss would have explained by now, stays.
      {"0.1 mm=0 fault addr=0x1001\n", "alignment@1", 0},
      {"0.1 mm=7 fault\n11.2 mm=0 fault\n", "mm_unborn@1", 0},
  };
  for (const Open& row : rows) {
    CAPTURE(row.events);
    const FileBytes file = file_of(born + row.events);
    CHECK(found(check_file(file)) == row.whole);
    const auto chunks = chunks_of(file);  // header, events, end, footer
    REQUIRE(chunks.size() == 4);
    const bool stays = row.undecided == 0 && !std::string_view(row.whole).starts_with("snapshot");
    const std::string before = stays ? std::string(row.whole) + ' ' : "";
    for (const std::size_t more : {0, 10}) {
      const CheckResult cut = check_file(std::span(file).first(chunks[2].offset + more));
      CHECK(found(cut) == before + (more == 0 ? "no_end no_end" : "no_chunk no_end no_end"));
      CHECK(cut.undecided == row.undecided);
    }
    // With a footer or an end chunk all events are there, even if one of the two is missing.
    for (const std::size_t missing : {2, 3}) {
      auto some = chunks;
      some.erase(some.begin() + static_cast<std::ptrdiff_t>(missing));
      CHECK(found(check_file(assemble({}, some))).starts_with(row.whole));
    }
  }
}

TEST_CASE("findings of one kind are counted behind the first few") {
  std::string text = kBorn;
  for (int i = 0; i < 100; ++i) text += "0.1 mm=0 fault addr=1\n";
  const CheckResult result = check_text(text);
  REQUIRE(result.findings.size() == 10);
  REQUIRE(result.of(FindingKind::alignment) == 100);
}

TEST_CASE("each damage of the container is found where it is") {
  const FileBytes file = file_of(kGood, 3);
  const auto chunks = chunks_of(file);  // header, five of events, end, footer
  const auto found_in = [](std::vector<ChunkAt> some) {
    return found(check_file(assemble({}, std::move(some))));
  };
  REQUIRE(found_in(chunks) == "");
  const auto without = [&](std::size_t i) {
    auto some = chunks;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(i));
    return some;
  };
  REQUIRE(found_in(without(2)).starts_with("sequence"));
  REQUIRE(found_in(without(6)).starts_with("no_end"));
  REQUIRE(found_in(without(7)) == "no_end");
  auto twice = chunks;
  twice.insert(twice.begin() + 1, chunks[0]);
  REQUIRE(found_in(twice).starts_with("misplaced"));
  auto payload = chunks;
  payload[3].header.codec = 7;
  REQUIRE(found_in(payload).starts_with("payload"));
  auto total = chunks;
  const std::string json = to_json(EndInfo{.duration_ns = 0, .events = 16});
  total[6].payload.assign(std::as_bytes(std::span(json)).begin(),
                          std::as_bytes(std::span(json)).end());
  REQUIRE(found_in(total) == "totals");
  EndInfo more_lost;
  more_lost.lost = 5;
  REQUIRE(found(check_file(write_trace(*parse_text(kGood), 0, {}, more_lost))) == "totals");
  auto index = chunks;
  index[7].payload[32] ^= std::byte{1};
  REQUIRE(found_in(index) == "footer");
  FileBytes longer = file;
  longer.resize(file.size() + 9);
  const CheckResult result = check_file(longer);
  REQUIRE(found(result) == "no_chunk");
  REQUIRE(result.findings[0].offset == file.size());
}

TEST_CASE("any byte changed behind the header is found") {
  const FileBytes file = file_of(kGood, 4);
  const std::size_t first = chunks_of(file)[1].offset;
  for (std::size_t at = 0; at < file.size(); ++at) {
    CAPTURE(at);
    FileBytes damaged = file;
    damaged[at] ^= std::byte{0x10};
    const auto result = check(damaged);
    REQUIRE(static_cast<bool>(result) == (at >= first));
    if (result) REQUIRE(result->of(FindingLevel::container) > 0);
  }
}

TEST_CASE("chunks, records and bits of newer writers are counted and are no findings") {
  auto chunks = chunks_of(file_of(kBorn));
  ChunkAt unknown{.header = {}, .offset = 0, .payload = FileBytes(10, std::byte{7})};
  unknown.header.kind = 77;
  chunks.insert(chunks.begin() + 1, unknown);
  format::FileHeader header;
  header.compat = 6;
  const CheckResult result = check_file(assemble(header, chunks));
  REQUIRE(found(result) == "");
  REQUIRE(result.skipped_chunks == 1);
  REQUIRE(result.compat == 6);
}

TEST_CASE("no events are too odd to be checked") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    const auto events = RandomEvents(seed).take(400);
    const CheckResult result = check_file(write_trace(events, 100));
    REQUIRE(result.events == events.size());
    REQUIRE(result.of(FindingLevel::event) + result.softened > 0);
    for (std::size_t kind = 0; kind < finding_kinds().size(); ++kind)
      if (kind != static_cast<std::size_t>(FindingKind::totals) &&
          finding_kinds()[kind].level == FindingLevel::container)
        REQUIRE(result.counts[kind] == 0);
  }
}

TEST_CASE("kinds of findings have names of their own") {
  std::set<std::string_view> names;
  for (const FindingInfo& kind : finding_kinds()) REQUIRE(names.insert(kind.name).second);
}
