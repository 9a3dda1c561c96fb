// The text form: parse(format(e)) == e, and errors that name the place.
#include "engine/trace/text.h"

#include <nlohmann/json.hpp>

#include "test/catch.h"
#include "test/support/random_events.h"

using namespace anonvma;
using namespace anonvma::test;

namespace {

std::string error_of(std::string_view text) {
  const auto events = parse_text(text);
  return events ? "" : events.error().message;
}

}  // namespace

TEST_CASE("random events survive the text form") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    const auto events = RandomEvents(seed).take(100);
    std::string text;
    for (const Event& event : events) text += format_text(event) + "\n";
    const auto got = parse_text(text);
    if (!got) FAIL(got.error().message);
    REQUIRE(*got == events);
    std::string again;
    for (const Event& event : *got) again += format_text(event) + "\n";
    REQUIRE(again == text);
  }
}

TEST_CASE("the JSON form of any event is one JSON object with its name") {
  for (const Event& event : RandomEvents(7).take(2000)) {
    const std::string line = format_json(event);
    CAPTURE(line);
    const auto json = nlohmann::json::parse(line);
    REQUIRE(json.at("type") == std::string(name_of(type_of(event.body))));
    REQUIRE(json.at("time_ns") == event.head.time_ns);
    REQUIRE(line.find('\n') == line.npos);
  }
}

TEST_CASE("text leaves out what is zero, none or the default") {
  const Event map{{.time_ns = 123456, .tid = 41, .mm = MmId{3}, .seq = 7, .map_count = 23},
                  Map{.addr = 0x7f0000000000, .len = 0x2000, .prot = 3, .pgoff = 12, .ret = -12}};
  REQUIRE(format_text(map) ==
          "0.000123456 tid=41 mm=3 seq=7 map_count=23 map addr=0x7f0000000000 len=0x2000 prot=0x3 "
          "pgoff=12 ret=-12");
  REQUIRE(format_text({{}, Protect{}}) == "0.000000000 protect");
  REQUIRE(format_text({{}, Protect{.pkey = 0}}) == "0.000000000 protect pkey=0");
  REQUIRE(format_text({{.mm = MmId{0}}, Fork{.child = MmId{1}, .child_tid = 9}}) ==
          "0.000000000 mm=0 fork child=1 child_tid=9");
}

TEST_CASE("a comm is one word whatever it holds") {
  const Comm comm = make_comm("a b#c\\\xc3\xa9");
  Snapshot snapshot;
  snapshot.comm_lo = comm.lo;
  snapshot.comm_hi = comm.hi;
  const Event event{{}, snapshot};
  REQUIRE(format_text(event) == R"(0.000000000 snapshot comm=a\x20b\x23c\x5c\xc3\xa9)");
  REQUIRE(parse_text(format_text(event))->at(0) == event);
  std::array<char, 16> storage{};
  REQUIRE(comm_view(make_comm("0123456789abcdefgh"), storage) == "0123456789abcde");
}

TEST_CASE("comments, blank lines, CRLF and a missing time are read") {
  const auto events = parse_text("# a trace\n\n  mm=1 exit_mmap  # gone\r\n\t1.5 exit_task\n");
  REQUIRE(events);
  REQUIRE(events->size() == 2);
  REQUIRE(format_text(events->at(0)) == "0.000000000 mm=1 exit_mmap");
  REQUIRE(format_text(events->at(1)) == "1.500000000 exit_task");
}

TEST_CASE("errors of the text form name the line and the word") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"exit_task\nfault adr=0x1", "line 2: unknown key 'adr' of fault"},
      {"map len=0xzz", "line 1: malformed value '0xzz' of 'len'"},
      {"map len=-1", "line 1: malformed value '-1' of 'len'"},
      {"map len=", "line 1: malformed value '' of 'len'"},
      {"map len=18446744073709551616", "line 1: malformed value '18446744073709551616' of 'len'"},
      {"map ret=9223372036854775808", "line 1: malformed value '9223372036854775808' of 'ret'"},
      {"tid=4294967296 exit_task", "line 1: malformed value '4294967296' of 'tid'"},
      {"mm=4294967295 exit_task", "line 1: malformed value '4294967295' of 'mm'"},
      {"pid=1 exit_task", "line 1: unknown key 'pid' of an event's head"},
      {"1.0000000001 exit_task", "line 1: malformed time '1.0000000001'"},
      {"99999999999.0 exit_task", "line 1: malformed time '99999999999.0'"},
      {"1. exit_task", "line 1: malformed time '1.'"},
      {"\n\nmunmap", "line 3: unknown event 'munmap'"},
      {"mm=1", "line 1: no event name"},
      {"unmap 7", "line 1: '7' after the event name has no '='"},
      {"unmap len=1 len=2", "line 1: key 'len' is given twice"},
      {"snapshot comm=0123456789abcdefg", "line 1: malformed value '0123456789abcdefg' of 'comm'"},
      {"snapshot comm=\\x1", "line 1: malformed value '\\x1' of 'comm'"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    REQUIRE(error_of(text) == message);
  }
  REQUIRE(parse_text("exit_task\nfault adr=0x1").error().offset == 10);
}
