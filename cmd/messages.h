// Messages of every subcommand to people, on stderr, and the way of results to stdout.
#pragma once

#include <string>
#include <string_view>

#include "engine/result.h"

namespace anonvma::cmd {

// Points spdlog's default logger at stderr: "anonvma: text", coloured on a terminal unless NO_COLOR
// is set. Called once, by main().
void set_up_messages();

// Writes a result to stdout and flushes it, so that a full disk is noticed; returns an ExitStatus.
int print_result(std::string_view text);

// The error of reading `path`, with the path before its message.
Error in_file(const std::string& path, Error error);

// Makes text from a file, or the name of one, harmless for a terminal: control characters become
// '?', so it also stays on one line.
std::string one_line(std::string_view text);

// The one of two exit statuses that the contract puts first.
int first_that_applies(int a, int b);

// "FILE: N events" on the terminal behind stderr, removed at the end; silent without a terminal.
class Progress {
 public:
  explicit Progress(std::string file);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(std::uint64_t events);

 private:
  void overwrite(const std::string& line);
  std::string file_;
  std::size_t shown_ = 0;
  bool terminal_;
};

}  // namespace anonvma::cmd
