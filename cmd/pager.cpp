#include "cmd/pager.h"

#include <cstdlib>
#include <utility>

namespace anonvma::cmd {
namespace {

constexpr int kNoSuchCommand = 127;  // the shell's word for it

}  // namespace

std::string pager_command(const char* pager) {
  if (pager == nullptr) return "less -FRX";
  const std::string_view command = pager;
  return command == "cat" ? "" : std::string(command);
}

std::unique_ptr<Pager> Pager::open(const char* pager) {
  const std::string command = pager_command(pager);
  if (command.empty()) return nullptr;
  // The shell would start and fail only after the text was written: it asks first.
  const std::string program = command.substr(0, command.find(' '));
  if (std::system(("command -v '" + program + "' >/dev/null 2>&1").c_str()) != 0) return nullptr;
  std::unique_ptr<Pager> opened(new Pager(command));
  return opened->pipe_ == nullptr ? nullptr : std::move(opened);
}

Pager::Pager(const std::string& command)
    : interrupt_(std::signal(SIGINT, SIG_IGN)),
      closed_pipe_(std::signal(SIGPIPE, SIG_IGN)),
      pipe_(popen(command.c_str(), "w")) {}

Pager::~Pager() {
  close();
  std::signal(SIGINT, interrupt_);
  std::signal(SIGPIPE, closed_pipe_);
}

bool Pager::close() {
  std::FILE* const pipe = std::exchange(pipe_, nullptr);
  return pipe != nullptr && pclose(pipe) != kNoSuchCommand << 8;
}

bool page(std::string_view text, const char* pager) {
  const std::unique_ptr<Pager> opened = Pager::open(pager);
  if (!opened) return false;
  const std::size_t written = std::fwrite(text.data(), 1, text.size(), opened->stream());
  const bool shown = opened->close();
  // A user who leaves the pager early has seen what they wanted.
  return written == text.size() || shown;
}

}  // namespace anonvma::cmd
