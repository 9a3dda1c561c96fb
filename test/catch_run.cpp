// Catch2's own code, compiled once for all test programs. Version 2 needs a translation unit of
// ours, version 3 brings a library.
#define CATCH_CONFIG_RUNNER
#include "test/catch_run.h"
#include "test/catch.h"

namespace anonvma::test {

int run_catch(int argc, char** argv) { return Catch::Session().run(argc, argv); }

}  // namespace anonvma::test
