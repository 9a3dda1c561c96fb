// Asks the program itself whether it can record here; Catch2 version 2 has no SKIP.
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>

#include "test/catch_run.h"

int main(int argc, char** argv) {
  const int status = std::system(ANONVMA_PROGRAM " doctor >&2");
  const int answer = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  if (answer == 69 || answer == 77) {
    std::puts("skipped: anonvma doctor says that this machine cannot record (see above)");
    return 77;
  }
  if (answer != 0) {
    std::puts("failed: anonvma doctor did not answer");
    return 1;
  }
  return anonvma::test::run_catch(argc, argv);
}
