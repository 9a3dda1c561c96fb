#pragma once

namespace anonvma::test {

// Runs the test cases that the arguments name; the status for main to return.
int run_catch(int argc, char** argv);

}  // namespace anonvma::test
