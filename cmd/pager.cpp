#include "cmd/pager.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace anonvma::cmd {
namespace {

// Ctrl-C and a closed pager end the pager, not this program, which waits for it.
class IgnoredSignals {
 public:
  IgnoredSignals()
      : interrupt_(std::signal(SIGINT, SIG_IGN)), pipe_(std::signal(SIGPIPE, SIG_IGN)) {}
  ~IgnoredSignals() {
    std::signal(SIGINT, interrupt_);
    std::signal(SIGPIPE, pipe_);
  }
  IgnoredSignals(const IgnoredSignals&) = delete;
  IgnoredSignals& operator=(const IgnoredSignals&) = delete;

 private:
  using Handler = void (*)(int);
  Handler interrupt_, pipe_;
};

constexpr int kNoSuchCommand = 127;  // the shell's word for it

}  // namespace

std::string pager_command(const char* pager) {
  if (pager == nullptr) return "less -FRX";
  const std::string_view command = pager;
  return command == "cat" ? "" : std::string(command);
}

bool page(std::string_view text, const char* pager) {
  const std::string command = pager_command(pager);
  if (command.empty()) return false;
  // The shell would start and fail only after the text was written: it asks first.
  const std::string program = command.substr(0, command.find(' '));
  if (std::system(("command -v '" + program + "' >/dev/null 2>&1").c_str()) != 0) return false;
  const IgnoredSignals ignored;
  std::FILE* const pipe = popen(command.c_str(), "w");
  if (pipe == nullptr) return false;
  const std::size_t written = std::fwrite(text.data(), 1, text.size(), pipe);
  const int status = pclose(pipe);
  // A user who leaves the pager early has seen what they wanted.
  return written == text.size() || status != kNoSuchCommand << 8;
}

}  // namespace anonvma::cmd
