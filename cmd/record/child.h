// The command of "record -- CMD". The process exists early, and waits until everything is attached.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/result.h"

namespace anonvma::cmd {

// The standard input, output and error that the command gets.
enum class ChildOutput {
  ours,
  our_stderr,  // for both outputs: our own output is for a program
  nowhere,     // no input, no output: our own output is a screen
};

class Child {
 public:
  static Result<Child> fork(std::vector<std::string> command,
                            ChildOutput output = ChildOutput::ours);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();  // a child never released is killed

  pid_t pid() const { return pid_; }
  // Lets the child exec. The error is that of the exec.
  Status release();
  // True once the child has ended; status() is its wait status from then on.
  bool ended();
  int status() const { return status_; }
  void send(int signal) const;

 private:
  Child(std::vector<std::string> command, pid_t pid, int go, int failed)
      : command_(std::move(command)), pid_(pid), go_(go), failed_(failed) {}
  std::vector<std::string> command_;
  pid_t pid_;
  int go_;      // write end: one byte starts the exec
  int failed_;  // read end: errno of a failed exec; a successful exec closes it
  bool released_ = false;
  int status_ = -1;
};

// "exit status 3", "killed by signal 9 (Killed)".
std::string describe_status(int status);

}  // namespace anonvma::cmd
