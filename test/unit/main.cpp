#include "test/catch_run.h"

int main(int argc, char** argv) { return anonvma::test::run_catch(argc, argv); }
