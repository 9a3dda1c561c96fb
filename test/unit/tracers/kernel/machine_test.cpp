// Facts of the machine, from the text in which the kernel tells them.
#include "tracers/kernel/machine.h"

#include <string>
#include <vector>

#include "test/catch.h"
#include "tracers/kernel/cpus.h"

namespace anonvma::test {

TEST_CASE("the last whole number behind stack_guard_gap= counts", "[machine]") {
  CHECK(stack_guard_pages("") == 256);
  CHECK(stack_guard_pages("quiet panic=-1\n") == 256);
  CHECK(stack_guard_pages("quiet stack_guard_gap=1 panic=-1") == 1);
  CHECK(stack_guard_pages("stack_guard_gap=1 stack_guard_gap=1024\n") == 1024);
  CHECK(stack_guard_pages("stack_guard_gap=0") == 0);
  CHECK(stack_guard_pages("stack_guard_gap=12 stack_guard_gap=4k stack_guard_gap=-1") == 12);
  CHECK(stack_guard_pages("quiet -- stack_guard_gap=1") == 256);
  CHECK(stack_guard_pages("xstack_guard_gap=1 stack_guard_gapx=1") == 256);
}

TEST_CASE("CPU numbers have holes", "[machine]") {
  using Cpus = std::vector<std::uint32_t>;
  CHECK(parse_cpu_list("0") == Cpus{0});
  CHECK(parse_cpu_list("0-3") == Cpus{0, 1, 2, 3});
  CHECK(parse_cpu_list("0,2-3") == Cpus{0, 2, 3});
  CHECK(parse_cpu_list("1,511-513,8191") == Cpus{1, 511, 512, 513, 8191});
}

TEST_CASE("what is no list of CPUs has no CPU", "[machine]") {
  for (const char* text :
       {"", ",", "0,", "-1", "0-", "3-1", "0-3,2", "a", "0-3x", "0-8192", "99999999999", "0--1"})
    CHECK(parse_cpu_list(text).empty());
}

TEST_CASE("this machine has a possible CPU", "[machine]") { CHECK_FALSE(possible_cpus().empty()); }

}  // namespace anonvma::test
