// Asks the program itself whether it can record here; Catch2 version 2 has no SKIP.
#define CATCH_CONFIG_RUNNER
#include "test/catch.h"

#include <sys/wait.h>
#include <cstdio>
#include <cstdlib>

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
  return Catch::Session().run(argc, argv);
}
