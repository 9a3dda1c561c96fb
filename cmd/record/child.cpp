#include "cmd/record/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace anonvma::cmd {
namespace {

void close_fd(int& fd) {
  if (fd >= 0) close(std::exchange(fd, -1));
}

void redirect(ChildOutput output) {
  if (output == ChildOutput::our_stderr) dup2(STDERR_FILENO, STDOUT_FILENO);
  if (output != ChildOutput::nowhere) return;
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, fd);
}

// Runs in the child after fork(): waits for the byte of release(), then becomes the command.
[[noreturn]] void become(std::vector<std::string>& command, int go, int failed) {
  char byte = 0;
  ssize_t n = 0;
  do n = read(go, &byte, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1) _exit(127);  // the recorder has ended
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  if (write(failed, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

}  // namespace

Result<Child> Child::fork(std::vector<std::string> command, ChildOutput output) {
  std::array<int, 2> go{-1, -1}, failed{-1, -1};
  const auto give_up = [&] {
    const int error = errno;
    for (auto* both : {&go, &failed})
      for (int& fd : *both) close_fd(fd);
    return Error{ErrorCode::io, fmt::format("cannot start the command: {}", std::strerror(error))};
  };
  if (pipe2(go.data(), O_CLOEXEC) != 0 || pipe2(failed.data(), O_CLOEXEC) != 0) return give_up();
  const pid_t pid = ::fork();
  if (pid < 0) return give_up();
  if (pid == 0) {
    close(go[1]);
    close(failed[0]);
    redirect(output);
    become(command, go[0], failed[1]);
  }
  close(go[0]);
  close(failed[1]);
  return Child(std::move(command), pid, go[1], failed[0]);
}

Child::Child(Child&& other) noexcept
    : command_(std::move(other.command_)),
      pid_(std::exchange(other.pid_, -1)),
      go_(std::exchange(other.go_, -1)),
      failed_(std::exchange(other.failed_, -1)),
      released_(other.released_),
      status_(other.status_) {}

Child::~Child() {
  close_fd(go_);
  close_fd(failed_);
  if (pid_ > 0 && !released_ && !ended()) {
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
  }
}

Status Child::release() {
  released_ = true;
  const char byte = 1;
  if (write(go_, &byte, 1) != 1)
    return Error{ErrorCode::io, fmt::format("cannot start the command: {}", std::strerror(errno))};
  close_fd(go_);
  int error = 0;
  ssize_t n = 0;
  do n = read(failed_, &error, sizeof error);
  while (n < 0 && errno == EINTR);
  close_fd(failed_);
  if (n != sizeof error) return ok();
  waitpid(pid_, &status_, 0);
  pid_ = -1;
  return Error{ErrorCode::io, fmt::format("{}: {}", command_[0], std::strerror(error))};
}

bool Child::ended() {
  if (pid_ <= 0) return true;
  if (waitpid(pid_, &status_, WNOHANG) != pid_) return false;
  pid_ = -1;
  return true;
}

void Child::send(int signal) const {
  if (pid_ > 0) kill(pid_, signal);
}

std::string describe_status(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  if (WIFSIGNALED(status))
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("wait status {:#x}", status);
}

}  // namespace anonvma::cmd
