// Pseudonyms: no original name is left, and no replay sees a difference.
#include "engine/trace/anonymize.h"

#include <fstream>
#include <set>
#include <sstream>

#include "engine/replay/replay.h"
#include "engine/report/render.h"
#include "engine/trace/text.h"
#include "test/catch.h"
#include "test/support/random_events.h"
#include "test/support/trace_bytes.h"

namespace anonvma::test {
namespace {

Meta meta_of() {
  Meta meta;
  meta.release = "6.18.44";
  meta.cpus = 3;
  meta.anon_vma_members = {"num_children", "num_active_vmas"};
  meta.anon_vma_clone_args = 2;
  meta.scope = "command";
  meta.faults = "write";
  return meta;
}

std::vector<Event> parsed(std::string_view text) {
  auto events = parse_text(text);
  if (!events) FAIL(events.error().message);
  return *events;
}

std::vector<Event> concealed(const std::vector<Event>& events, std::string_view key = "key") {
  Anonymizer anonymizer(Keyed::from_text(key), meta_of());
  for (const Event& event : events) anonymizer.learn(event);
  anonymizer.settle();
  std::vector<Event> out;
  for (const Event& event : events) out.push_back(anonymizer.conceal(event));
  return out;
}

struct Replayed {
  std::string json;
  Verdict verdict;
};
// The replay under every strategy, with all options.
Replayed replayed(const std::vector<Event>& events) {
  const FileBytes bytes = write_trace(events, 0, meta_of());
  auto reader = TraceReader::open(bytes);
  REQUIRE(reader);
  ReplayOptions options;
  for (const StrategyInfo& strategy : strategies()) options.strategies.emplace_back(strategy);
  options.slub = options.check_reach = true;
  options.threads = 1;
  auto comparison = replay(*reader, options);
  REQUIRE(comparison);
  comparison->trace.hash.clear();
  ReportOptions report;
  report.format = Format::json;
  for (ReplayResult& row : comparison->rows)  // names differ
    if (row.first_mismatch) row.first_mismatch->comm.clear();
  return {render(*comparison, report), comparison->verdict.value_or(Verdict{})};
}

std::string text_of(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) text += format_text(event) + "\n";
  return text;
}

// Every number of the text that is an address (64 KiB or more, in hexadecimal).
std::set<std::uint64_t> addresses(const std::string& text) {
  std::set<std::uint64_t> found;
  for (const std::string key : {"addr=0x", "ret=0x", "brk=0x", "start=0x", "end=0x"})
    for (std::size_t at = 0; (at = text.find(key, at)) != std::string::npos;) {
      at += key.size();
      if (const std::uint64_t value = std::stoull(text.substr(at, 16), nullptr, 16);
          value >= 0x10000)
        found.insert(value);
    }
  return found;
}

constexpr std::string_view kExec =
    "tid=700 mm=0 exec old_mm=9\n"
    "tid=700 mm=0 snapshot reason=1 nr_vmas=4 brk=0x555555600000 tgid=700 comm=secret "
    "start_brk=93824992935936\n"
    "tid=700 mm=0 snap_vma start=0x555555554000 end=0x555555556000 vm_flags=0x75 file=1\n"
    "tid=700 mm=0 snap_vma start=0x555555600000 end=0x555555601000 vm_flags=0x100073 "
    "pgoff=22906492416 ops=0x1 anon_vma=1\n"
    "tid=700 mm=0 snap_vma start=0x7ffff7dc0000 end=0x7ffff7dc2000 vm_flags=0x73 file=2 pgoff=7\n"
    "tid=700 mm=0 snap_vma start=0x7ffffa1de000 end=0x7ffffa1ff000 vm_flags=0x100173 "
    "pgoff=34359738334 ops=0x1 anon_vma=2\n";

struct Life {
  const char* name;
  const char* text;
};
const Life kLives[] = {
    {"brk: asked for, grown, shrunk, refused",
     "mm=0 brk addr=0x0 old_brk=0x555555600000 ret=0x555555600000\n"
     "mm=0 brk old_brk=0x555555600000 addr=0x555555640000 ret=0x555555640000\n"
     "mm=0 fault addr=0x555555630000 flags=0x3\n"
     "mm=0 brk old_brk=0x555555640000 addr=0x555555620000 ret=0x555555620000\n"
     "mm=0 brk old_brk=0x555555620000 addr=0x7fffffffffff0000 ret=0x555555620000\n"
     "mm=0 brk old_brk=0x555555620000 addr=0x555555620800 ret=-12\n"},
    {"a null pointer, and nothing mapped there",
     "mm=0 fault addr=0x0 flags=0x3\n"
     "mm=0 unmap addr=0x0 len=0x1000\n"
     "mm=0 map len=0x3000 prot=0x3 map_flags=0x22 ops=0x4 ret=0x7ffff0000000\n"
     "mm=0 fault addr=0x7ffff0001000 flags=0x3\n"},
    {"mappings at address 0 and just above, side by side",
     "mm=0 map addr=0x0 len=0x1000 prot=0x3 map_flags=0x32 ops=0x4 ret=0x0\n"
     "mm=0 map addr=0x1000 len=0x1000 prot=0x3 map_flags=0x32 ops=0x4 ret=0x1000\n"
     "mm=0 fault addr=0x0 flags=0x3\n"
     "mm=0 fork child=1 child_tid=701\n"
     "mm=1 protect addr=0x0 len=0x1000 prot=0x1\n"},
    {"calls that fail, some with effects",
     "mm=0 map addr=0x7ffff0000000 len=0x4000 prot=0x3 map_flags=0x32 ops=0x4 ret=0x7ffff0000000\n"
     "mm=0 map addr=0xdead0000 len=0x5000 prot=0x3 map_flags=0x22 ret=-12\n"
     "mm=0 map addr=0x7ffff0001000 len=0x1000 prot=0x3 map_flags=0x32 ops=0x20 ret=-12\n"
     "mm=0 protect addr=0x7ffff0000000 len=0x100000000000000 prot=0x1 ret=-12\n"
     "mm=0 protect addr=0x7ffff0000000 len=0x1ff800010000000 prot=0x1 ret=-12\n"
     "mm=0 advise addr=0x7ffff0002000 len=0x1ff80000fffd000 advice=10 ret=-12\n"
     "mm=0 advise addr=0xffffffff81000000 len=0x1000 advice=10 ret=-12\n"
     "mm=0 unmap addr=0x7ffff0000123 len=0x1000 ret=-22\n"
     "mm=0 lock addr=0x7ffff0000800 len=0x9000 ret=-12 vm_flags=0x2073\n"
     "mm=0 unmap addr=0xfffffffffffff000 len=0x1000 ret=-22\n"},
    {"mremap: moved, moved back, left behind, stopped, duplicated onto itself",
     "mm=0 map len=0x8000 prot=0x3 map_flags=0x22 ops=0x4 ret=0x7ffff0000000\n"
     "mm=0 fault addr=0x7ffff0001000 flags=0x3\n"
     "mm=0 remap addr=0x7ffff0002000 old_len=0x2000 new_len=0x2000 flags=0x3 "
     "new_addr=0x10000000000 ret=0x10000000000\n"
     "mm=0 remap addr=0x10000000000 old_len=0x2000 new_len=0x2000 flags=0x3 "
     "new_addr=0x7ffff0002000 ret=0x7ffff0002000\n"
     "mm=0 remap addr=0x7ffff0004000 old_len=0x1000 new_len=0x1000 flags=0x5 "
     "new_addr=0x1234 ret=0x20000000000\n"
     "mm=0 remap addr=0x7ffff0000000 old_len=0x1000 new_len=0x4000 flags=0x1 "
     "new_addr=0x7fffabcdabcd ret=0x30000000000\n"
     "mm=0 remap addr=0x7ffff0001000 old_len=0x2000 new_len=0x2000 flags=0x3 "
     "new_addr=0x40000000000 ret=-14 stopped=140737219923968\n"
     "mm=0 remap addr=0x7ffff0001000 old_len=0x2000 new_len=0x2000 flags=0x3 "
     "new_addr=0x40000000000 ret=-512 stopped=18446744073709551615\n"
     "mm=0 remap addr=0x7ffff0006000 old_len=0x0 new_len=0x1000 flags=0x3 "
     "new_addr=0x7ffff0006000 ret=-14\n"
     "mm=0 fork child=1 child_tid=701\n"
     "mm=1 fault addr=0x7ffff0006000 flags=0x3\n"},
    {"a stack that grows, splits, and moves in part",
     "mm=0 seq=3 map_count=4 fault addr=0x7ffffa1d0000 flags=0x3\n"
     "mm=0 protect addr=0x7ffffa1d4000 len=0x2000 prot=0x1\n"
     "mm=0 remap addr=0x7ffffa1d8000 old_len=0x1000 new_len=0x1000 flags=0x3 "
     "new_addr=0x7ffff5000000 ret=0x7ffff5000000\n"
     "mm=0 map addr=0x7ffffa1da000 len=0x1000 prot=0x3 map_flags=0x32 ops=0x4 "
     "ret=0x7ffffa1da000\n"
     "mm=0 fault addr=0x7ffffa1da000 flags=0x3\n"
     "mm=0 seq=5 map_count=9 unknown_write\n"
     "mm=0 snapshot reason=2 nr_vmas=5 start_brk=93824992935936\n"
     "mm=0 snap_vma start=0x555555554000 end=0x555555556000 vm_flags=0x75 file=1\n"
     "mm=0 snap_vma start=0x7ffff5000000 end=0x7ffff5001000 vm_flags=0x100173 pgoff=34359738328 "
     "ops=0x1 anon_vma=2\n"
     "mm=0 snap_vma start=0x7ffff7dc0000 end=0x7ffff7dc2000 vm_flags=0x73 file=2 pgoff=7\n"
     "mm=0 snap_vma start=0x7ffffa1da000 end=0x7ffffa1db000 vm_flags=0x100073 "
     "pgoff=34359714266 ops=0x1 anon_vma=3\n"
     "mm=0 snap_vma start=0x7ffffa1db000 end=0x7ffffa1ff000 vm_flags=0x100173 "
     "pgoff=34359738331 ops=0x1 anon_vma=2\n"},
    {"/dev/zero, private: moved before and after it was written to",
     "mm=0 map len=0x4000 prot=0x3 map_flags=0x2 vm_flags=0x100073 file=5 stored_file=5 ops=0x1 "
     "ret=0x7ffff0000000\n"
     "mm=0 remap addr=0x7ffff0000000 old_len=0x4000 new_len=0x4000 flags=0x1 "
     "ret=0x10000000000\n"
     "mm=0 fault addr=0x10000001000 flags=0x3\n"
     "mm=0 remap addr=0x10000002000 old_len=0x1000 new_len=0x1000 flags=0x1 "
     "ret=0x7ffff0000000\n"
     "mm=0 seq=5 map_count=7 unknown_write\n"
     "mm=0 snapshot reason=4 nr_vmas=1\n"
     "mm=0 snap_vma start=0x7ffff0000000 end=0x7ffff0001000 vm_flags=0x100073 file=5 ops=0x1 "
     "pgoff=268435458 anon_vma=1\n"},
    {"huge pages, cut where they may not be",
     "mm=0 map len=0x400000 prot=0x3 map_flags=0x40022 vm_flags=0x600073 file=6 stored_file=6 "
     "ops=0x2 ret=0x7fffe0000000\n"
     "mm=0 fault addr=0x7fffe0000000 flags=0x3\n"
     "mm=0 unmap addr=0x7fffdffff000 len=0x101000 ret=-22\n"
     "mm=0 unmap addr=0x7fffe0000000 len=0x200000\n"},
    {"an exit and a fork side by side",
     "mm=0 seq=7 step copied=2\n"
     "mm=0 seq=7 map_count=4 fork child=1 child_tid=701\n"
     "mm=1 step unlinked=93824992935936\n"
     "mm=1 map_count=4 exit_task\n"
     "mm=0 seq=9 fork child=2 child_tid=702\n"
     "mm=1 exit_mmap\n"
     "mm=2 touch addr=0x7ffff7dc0000 by=0\n"},
    {"relatives that were alive at the start",
     "mm=5 snapshot nr_vmas=1 tgid=42 comm=other\n"
     "mm=5 snap_vma start=0x7ffff0000000 end=0x7ffff0004000 vm_flags=0x100073 pgoff=34359672832 "
     "ops=0x1 anon_vma=8 nr_chain=1\n"
     "mm=5 snap_chain anon_vma=8 root=8 parent=8 num_children=2 num_active_vmas=1\n"
     "mm=6 snapshot nr_vmas=1 tgid=43 comm=other\n"
     "mm=6 snap_vma start=0x7ffff0000000 end=0x7ffff0004000 vm_flags=0x100073 pgoff=34359672832 "
     "ops=0x1 anon_vma=9 nr_chain=2\n"
     "mm=6 snap_chain anon_vma=9 root=8 parent=8 num_active_vmas=1\n"
     "mm=6 snap_chain anon_vma=8 root=8 parent=8 num_children=2 num_active_vmas=1\n"
     "mm=5 exit_mmap\n"
     "mm=6 fork child=7 child_tid=44\n"
     "mm=7 remap addr=0x7ffff0001000 old_len=0x1000 new_len=0x1000 flags=0x3 "
     "new_addr=0x60000000000 ret=0x60000000000\n"},
};

TEST_CASE("every replay of the pseudonymous trace is that of the original", "[anonymize]") {
  for (const Life& life : kLives)
    for (const std::string_view key : {"key", "another"}) {
      INFO(life.name << ", key " << key);
      const std::vector<Event> events = parsed(std::string(kExec) + life.text);
      const std::vector<Event> copy = concealed(events, key);
      const Replayed before = replayed(events), after = replayed(copy);
      CHECK(before.json == after.json);
      CHECK(before.verdict.lanes == after.verdict.lanes);
    }
}

TEST_CASE("nothing of the original is left", "[anonymize]") {
  for (const Life& life : kLives) {
    INFO(life.name);
    const std::vector<Event> events = parsed(std::string(kExec) + life.text);
    const std::string before = text_of(events), after = text_of(concealed(events));
    CHECK(after.find("secret") == std::string::npos);
    CHECK(after.find("other") == std::string::npos);
    for (const std::string tid : {"tid=700 ", "tid=701", "tid=702", "tgid=42 ", "tgid=43 "})
      CHECK(after.find(tid) == std::string::npos);
    const std::set<std::uint64_t> gone = addresses(before);
    for (const std::uint64_t address : addresses(after)) {
      INFO(std::hex << address);
      CHECK_FALSE(gone.contains(address));
    }
    // Addresses that everybody knows do not reveal the shift of others.
    CHECK(after.find("34359738334") == std::string::npos);
  }
}

TEST_CASE("what lay in a register is not copied", "[anonymize]") {
  const auto copy =
      concealed(parsed(std::string(kExec) + "mm=0 map addr=0x7fffabcd0000 len=0x1000 prot=0x3 "
                                            "map_flags=0x22 pgoff=34359672832 ret=0x7ffff0000000\n"
                                            "mm=0 remap addr=0x7ffff0000000 old_len=0x1000 "
                                            "new_len=0x1000 new_addr=0x7fffabcdabcd "
                                            "ret=0x7ffff0000000\n"));
  const auto* map = std::get_if<Map>(&copy[copy.size() - 2].body);
  REQUIRE(map != nullptr);
  CHECK(map->addr == 0);
  CHECK(map->pgoff == 0);
  CHECK(std::get<Remap>(copy.back().body).new_addr == 0);
}

TEST_CASE("one key gives one copy, another key another", "[anonymize]") {
  const std::vector<Event> events = parsed(std::string(kExec) + kLives[4].text);
  CHECK(concealed(events, "a") == concealed(events, "a"));
  const std::vector<Event> a = concealed(events, "a"), b = concealed(events, "b");
  CHECK(a != b);
  CHECK(std::get<Snapshot>(a[1].body).comm_lo != std::get<Snapshot>(b[1].body).comm_lo);
}

TEST_CASE("the header loses what tells of people and machines", "[anonymize]") {
  Meta meta = meta_of();
  meta.command = {"make", "/home/alice/secret"};
  meta.cgroup = "/sys/fs/cgroup/user.slice/alice";
  meta.boot_id_hash = "0123";
  meta.start_unix_ns = 1234567890;
  meta.cut.source = "feed";
  Meta expected = meta_of();
  expected.anonymized = true;
  CHECK(Anonymizer::conceal(meta) == expected);
}

// A new key of the header must be considered here.
TEST_CASE("the header has no keys that nobody has thought about", "[anonymize]") {
  Meta meta;
  const std::string keys =
      "tool_version release machine page_size cpus boot_id_hash start_unix_ns thp_mode overcommit "
      "stack_guard_pages huge_page_bytes caches struct_sizes anon_vma_members anon_vma_clone_args "
      "vma_free_rcu "
      "behaviours scope "
      "faults "
      "truth tier command cgroup ring_bytes reader series part anonymized cut ";
  std::ifstream in(ANONVMA_SOURCE_DIR "/engine/trace/meta.cpp");
  std::stringstream source;
  source << in.rdbuf();
  const std::string text = source.str();
  std::string found;
  for (std::size_t at = 0; (at = text.find("\", meta.", at)) != std::string::npos; ++at) {
    const std::size_t begin = text.rfind('"', at - 1) + 1;
    found += text.substr(begin, at - begin) + " ";
  }
  CHECK(found == keys);
}

TEST_CASE("comms are one pseudonym each, and tids keep their CPU", "[anonymize]") {
  std::string text;
  for (int i = 0; i < 3000; ++i)
    text += "tid=" + std::to_string(i + 1) + " mm=" + std::to_string(i) +
            " snapshot reason=1 tgid=" + std::to_string(i + 1) + " comm=c" +
            std::to_string(i % 1000) + "\n";
  const std::vector<Event> copy = concealed(parsed(text));
  std::set<std::uint64_t> comms;
  std::set<std::uint32_t> tids;
  for (std::size_t i = 0; i < copy.size(); ++i) {
    const auto& snapshot = std::get<Snapshot>(copy[i].body);
    CHECK(snapshot.comm_lo == std::get<Snapshot>(copy[i % 1000].body).comm_lo);
    comms.insert(snapshot.comm_lo);
    tids.insert(copy[i].head.tid);
    CHECK(copy[i].head.tid % 3 == (i + 1) % 3);
    CHECK(copy[i].head.tid == snapshot.tgid);
    CHECK(copy[i].head.tid != 0);
  }
  CHECK(comms.size() == 1000);
  CHECK(tids.size() == 3000);
}

TEST_CASE("texts are pseudonyms of as many pieces", "[anonymize]") {
  Texts before, after;
  std::vector<Event> events;
  const std::vector<std::string> names = {
      "secret", "secret", "", std::string(33, 's'), std::string(33, 't'), std::string(4096, 's')};
  for (std::size_t i = 0; i < names.size(); ++i)
    for (const Text& piece : text_pieces(TextKind::vma_name, i + 1, names[i]))
      events.push_back({{}, piece});
  const std::vector<Event> copy = concealed(events);
  REQUIRE(copy.size() == events.size());
  for (const Event& event : copy) CHECK(after.take(std::get<Text>(event.body)) == "");
  std::vector<std::string_view> renamed;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto name = after.find(TextKind::vma_name, i + 1);
    REQUIRE(name);
    CHECK(name->find_first_of("st") == name->npos);
    CHECK(name->empty() == names[i].empty());
    renamed.push_back(*name);
  }
  CHECK(renamed[0] == renamed[1]);
  CHECK(std::set<std::string_view>(renamed.begin(), renamed.end()).size() == 5);
}

TEST_CASE("of a text that is not whole nothing is left", "[anonymize]") {
  const auto copy =
      concealed(parsed("text kind=1 id=1 length=7 text=sec\n"
                       "text kind=1 id=2 length=40 offset=32 text=secrets\n"));
  CHECK(text_of(copy) ==
        "0.000000000 text kind=1 id=1 length=7\n"
        "0.000000000 text kind=1 id=2 length=40 offset=32\n");
}

TEST_CASE("hostile events are survived", "[anonymize]") {
  RandomEvents random(20260101);
  const std::vector<Event> events = random.take(20000);
  const std::vector<Event> copy = concealed(events);
  REQUIRE(copy.size() == events.size());
  for (std::size_t i = 0; i < copy.size(); ++i)
    CHECK(type_of(copy[i].body) == type_of(events[i].body));
}

TEST_CASE("the keyed hash is SipHash-2-4", "[anonymize]") {
  // The last vector of the paper: the key 00 .. 0f, the text 00 .. 0e.
  const Keyed keyed({0x0706050403020100, 0x0f0e0d0c0b0a0908});
  std::string text;
  for (char c = 1; c < 15; ++c) text.push_back(c);
  CHECK(keyed.of(Keyed::Kind{0}, text) == 0xa129ca6149be45e5);
}

TEST_CASE("a permutation is one, of any size", "[anonymize]") {
  const Keyed keyed(Keyed::from_text("k"));
  for (const std::uint64_t size : {1, 2, 3, 4, 5, 17, 64, 1000}) {
    std::set<std::uint64_t> images;
    for (std::uint64_t i = 0; i < size; ++i)
      images.insert(keyed.permuted(Keyed::Kind::task, i, size));
    CHECK(images.size() == size);
    CHECK(*images.rbegin() == size - 1);
    CHECK(keyed.permuted(Keyed::Kind::task, size, size) == size);
  }
}

TEST_CASE("regions keep order, neighbours and alignment", "[anonymize]") {
  AddressShift shift(Keyed(Keyed::from_text("k")));
  const MmId mm{0}, child{1}, other{2};
  shift.touched(mm, 0x400000, 0x401000);
  shift.touched(mm, 0x555500000000, 0x555500002000);
  shift.touched(mm, 0x7fff00000000, 0x7fff00001000);
  shift.forked(mm, child);
  shift.touched(child, 0x7fff00001000, 0x7fff00002000);
  shift.touched(other, 0x400000, 0x401000);
  shift.settle();
  const auto by = [&](MmId of, std::uint64_t at) { return shift.moved(of, at) - at; };
  CHECK(by(mm, 0x400000) == by(child, 0x400123));
  CHECK(by(mm, 0x400000) != by(other, 0x400000));
  CHECK(by(mm, 0x400000) < by(mm, 0x555500000000));
  CHECK(by(mm, 0x555500000000) < by(mm, 0x7fff00000000));
  CHECK(by(mm, 0x7fff00000000) == by(child, 0x7fff00002000));  // the end of the region, too
  for (const std::uint64_t at : {0x400000ull, 0x555500000000ull, 0x7fff00000000ull}) {
    CHECK(by(mm, at) % (2u << 20) == 0);
    CHECK(by(mm, at) >= AddressShift::kLeastShift);
    CHECK(by(mm, at) <= AddressShift::kMostShift);
  }
  CHECK(shift.moved(mm, 0) == 0);
  CHECK(shift.moved(mm, ~0ull) >= AddressShift::kEnd);
}

}  // namespace
}  // namespace anonvma::test
