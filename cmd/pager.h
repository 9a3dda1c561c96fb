// A pager: the program that shows a long text screen by screen.
#pragma once

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace anonvma::cmd {

// The command line for the shell: `pager`, the value of $PAGER, if it is set and not empty; else less,
// which ends at once if one screen is enough and lets colours through. "cat" and "" mean no pager.
std::string pager_command(const char* pager);

// A pager that is open until close(). Meanwhile Ctrl-C and a closed pager end the pager, and not this
// program.
class Pager {
 public:
  // Null if there is no pager.
  static std::unique_ptr<Pager> open(const char* pager);
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

  std::FILE* stream() const { return pipe_; }
  // Waits until the user is done. False if the pager could not be run.
  bool close();

 private:
  using Handler = void (*)(int);
  explicit Pager(const std::string& command);
  Handler interrupt_, closed_pipe_;
  std::FILE* pipe_;
};

// Shows `text` and waits until the user is done. False if there is no pager: nothing was shown.
bool page(std::string_view text, const char* pager);

}  // namespace anonvma::cmd
