// Writers outside every traced operation, by the name of their call.
#include "engine/trace/syscall_names.h"

#include "engine/trace/event.h"
#include "test/catch.h"

namespace anonvma::test {

TEST_CASE("an unseen writer is named by the call numbers of its machine") {
  CHECK(unseen_writer_name(0, "x86_64") == "no call");
  CHECK(unseen_writer_name(1 + 16, "x86_64") == "ioctl");
  CHECK(unseen_writer_name(1 + 29, "aarch64") == "ioctl");
  CHECK(unseen_writer_name(1 + 0, "aarch64") == "io_setup");
  CHECK(unseen_writer_name(1 + 9999, "x86_64") == "call 9999");
  CHECK(unseen_writer_name(1 + 192 + UnknownWrite::kCompatCall, "x86_64") == "32-bit call 192");
}

TEST_CASE("counts of one name are added up") {
  const EventCounts names = unseen_writers_by_name({{0, 2}, {1 + 16, 3}, {1 + 1, 4}}, "x86_64");
  CHECK(names == EventCounts{{"no call", 2}, {"ioctl", 3}, {"write", 4}});
}

}  // namespace anonvma::test
