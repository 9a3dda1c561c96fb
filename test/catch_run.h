#pragma once

namespace anonvma::test {

// Runs the test cases named by the arguments. Returns the status for main.
int run_catch(int argc, char** argv);

}  // namespace anonvma::test
