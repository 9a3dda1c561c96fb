// Catch2 version 2 wants its main in one translation unit; version 3 brings a library with one.
#ifdef ANONVMA_CATCH_MAIN
#define CATCH_CONFIG_RUNNER
#endif
#include "test/catch.h"

#ifdef ANONVMA_CATCH_MAIN
int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
#endif
