// Output of all subcommands: messages to stderr, results to stdout.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace anonvma::cmd {

// Points spdlog's default logger at stderr: "anonvma: text", coloured on a terminal unless NO_COLOR
// is set. Called once, by main().
void set_up_messages();
// -q: only warnings and errors, and no progress. -v: also what is read, and how long it takes.
enum class Verbosity : std::uint8_t { quiet, verbose };
void set_verbosity(Verbosity verbosity);

// Writes a result to stdout and flushes it, so that a full disk is noticed; returns an ExitStatus.
int print_result(std::string_view text);

// `error` with `path` before its message.
Error in_file(const std::string& path, Error error);

// Makes text from a file, or a file name, harmless for a terminal: control characters become '?',
// so the result also stays on one line.
std::string one_line(std::string_view text);

// Returns the exit status that cmd/README.md lists first.
int first_that_applies(int a, int b);

}  // namespace anonvma::cmd
