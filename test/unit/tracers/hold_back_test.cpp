// Two kinds of events wait behind Order: the start of a recording, and a round after a loss.
#include <string>

#include "test/catch.h"
#include "tracers/convert/start_events.h"
#include "tracers/resync.h"
#include "tracers/rewalks.h"

namespace anonvma::test {
namespace {

Event snapshot(std::uint32_t mm, SnapReason reason) {
  Snapshot body{};
  body.reason = static_cast<std::uint64_t>(reason);
  return {{0, 0, MmId{mm}, 0, 0}, body};
}
Event fault(std::uint32_t mm) { return {{0, 0, MmId{mm}, 0, 0}, Fault{}}; }
Event fork(std::uint32_t mm, std::uint32_t child) {
  Fork body{};
  body.child = MmId{child};
  return {{0, 0, MmId{mm}, 0, 0}, body};
}

// "snapshot/1 fault/2": the names of events and their mms.
struct Heard {
  std::string text;
  void operator()(const Event& event) {
    if (!text.empty()) text += ' ';
    text += name_of(type_of(event.body));
    text += '/' + std::to_string(event.head.mm.v);
  }
};

}  // namespace

TEST_CASE("hold back: the snapshots of a start leave before what happened between them") {
  StartEvents start;
  Heard heard;
  start.add(snapshot(1, SnapReason::attach));
  start.add(fault(1));
  start.add(snapshot(2, SnapReason::attach));
  start.add(fault(3));
  start.release([](MmId mm) { return mm == MmId{3}; }, [&](const Event& event) { heard(event); });
  CHECK(heard.text == "snapshot/1 snapshot/2 fault/1");
}

TEST_CASE("hold back: events behind the snapshots of a round wait, and those of children") {
  Heard heard;
  Resync resync([&](const Event& event) { heard(event); });
  resync.add(fault(1));
  resync.begin();
  resync.add(fault(1));
  resync.add(snapshot(1, SnapReason::resync));
  resync.add(fork(1, 4));
  resync.add(fault(4));
  resync.add(fault(2));
  resync.add(snapshot(2, SnapReason::resync));
  resync.end();
  CHECK(heard.text == "fault/1 fault/1 fault/2 snapshot/1 snapshot/2 fork/1 fault/4");
}

TEST_CASE("hold back: two rounds in a row are kept apart") {
  Heard heard;
  Resync resync([&](const Event& event) { heard(event); });
  for (int round = 0; round < 2; ++round) {
    resync.begin();
    resync.add(snapshot(1, SnapReason::resync));
    resync.end();
  }
  CHECK(heard.text == "snapshot/1 lost/" + std::to_string(MmId{}.v) + " snapshot/1");
}

TEST_CASE("hold back: an event that no reader of snapshots sees keeps no rounds apart") {
  for (const EventBody& body : {EventBody{Truth{}}, EventBody{Text{}}}) {
    Heard heard;
    Resync resync([&](const Event& event) { heard(event); });
    for (int round = 0; round < 2; ++round) {
      resync.begin();
      resync.add(snapshot(1, SnapReason::resync));
      resync.end();
      if (round == 0) resync.add({{}, body});
    }
    CHECK(heard.text.find("lost") != std::string::npos);
  }
}

TEST_CASE("hold back: an mm behind an unseen writer is walked, but not at once again") {
  Rewalks rewalks;
  rewalks.note({{0, 0, MmId{1}, 1, 0}, UnknownWrite{}});
  rewalks.note({{0, 0, MmId{2}, 1, 0}, UnknownWrite{}});
  rewalks.note(snapshot(2, SnapReason::unknown_write));  // mm 2 was read meanwhile
  CHECK(rewalks.due(1'000) == std::vector{MmId{1}});
  rewalks.note({{0, 0, MmId{1}, 3, 0}, UnknownWrite{}});
  CHECK(rewalks.due(2'000).empty());
  CHECK(rewalks.due(1'000'000'000) == std::vector{MmId{1}});
}

}  // namespace anonvma::test
