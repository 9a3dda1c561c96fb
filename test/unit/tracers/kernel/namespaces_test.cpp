// The pid namespace of /proc, by its description of the process that reads it.
#include "tracers/kernel/namespaces.h"

#include "test/catch.h"

namespace anonvma::test {

TEST_CASE("/proc is local when it numbers a process in one namespace only", "[namespaces]") {
  CHECK(proc_is_local("Name:\tcat\nNStgid:\t7\nNSpid:\t7\nNSpgid:\t7\t1\n"));
  CHECK(proc_is_local("Name:\tcat\nNSpid:\t7"));
  // /proc is mounted for a namespace around this one.
  CHECK_FALSE(proc_is_local("Name:\tcat\nNStgid:\t311\t7\nNSpid:\t311\t7\nNSpgid:\t0\n"));
  CHECK_FALSE(proc_is_local("Name:\tcat\nNSpid:\t4711\t311\t7\n"));
  // A kernel without pid namespaces has no such line.
  CHECK(proc_is_local("Name:\tcat\nPid:\t7\n"));
  // There is no /proc, or it does not list this process.
  CHECK_FALSE(proc_is_local(""));
}

}  // namespace anonvma::test
