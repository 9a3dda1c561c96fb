#include "tracers/kernel/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "tracers/kernel/fd.h"
#include "tracers/kernel/probe_experiments.h"
#include "tracers/kernel/probe_pages.h"

namespace anonvma {
namespace {

using std::chrono::milliseconds;
constexpr std::chrono::seconds kLimit{probe::kPatienceSeconds};  // for all experiments
constexpr milliseconds kGrace{100};                              // for a killed child to exit

constexpr auto kExperiments = probe::experiments<probe::Pages>();
constexpr std::size_t kExperimentCount = kExperiments.size();
enum Letter : char { kNo = '0', kYes = '1', kUnknown = '?' };
using Letters = std::array<char, kExperimentCount>;

// Runs in the child and writes a letter for each experiment. The child is single-threaded and
// allocates nothing, so that all new mappings are those of an experiment. None is a copy made by
// fork.
[[noreturn]] void experiment(int results) {
  for (const int used : {SIGALRM, SIGCHLD}) signal(used, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  alarm(probe::kPatienceSeconds);
  probe::Pages pages;
  if (!probe::merges_and_splits(pages)) _exit(1);
  Letters letters{};
  for (std::size_t i = 0; i < kExperimentCount; ++i) {
    pages.clear();
    const probe::Answer answer = kExperiments[i].run(pages);
    letters[i] = !answer ? kUnknown : *answer ? kYes : kNo;
  }
  _exit(write(results, letters.data(), letters.size()) == ssize_t{letters.size()} ? 0 : 1);
}

// The letters; nullopt if the child ended without writing them, or did not end in time.
std::optional<Letters> receive(int results) {
  pollfd wait{.fd = results, .events = POLLIN, .revents = 0};
  const auto end = std::chrono::steady_clock::now() + kLimit;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    if (left <= milliseconds{0}) return {};
    const int ready = poll(&wait, 1, static_cast<int>(left.count()));
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) return {};
  }
  Letters letters{};
  if (read(results, letters.data(), letters.size()) != ssize_t{letters.size()}) return {};
  return letters;
}

// A child that answered is about to exit. A child that did not answer may hang in the kernel.
void reap(pid_t pid, bool answered) {
  int status = 0;
  if (answered) {
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return;
  }
  kill(pid, SIGKILL);
  for (auto waited = milliseconds{0}; waited < kGrace; ++waited) {
    if (waitpid(pid, &status, WNOHANG) != 0) return;
    std::this_thread::sleep_for(milliseconds{1});
  }
}

}  // namespace

Result<Behaviours> probe_behaviours() {
  std::array<int, 2> both{-1, -1};
  const auto failed = [] {
    return Error{ErrorCode::io, fmt::format("cannot start the probe: {}", std::strerror(errno))};
  };
  if (pipe2(both.data(), O_CLOEXEC) != 0) return failed();
  const Fd results(both[0]);
  Fd child_end(both[1]);
  const pid_t pid = fork();
  if (pid < 0) return failed();
  if (pid == 0) experiment(child_end.get());
  child_end.reset();
  const std::optional<Letters> letters = receive(results.get());
  reap(pid, letters.has_value());
  if (!letters)
    return Error{ErrorCode::not_supported, "the probe of this kernel's behaviour gave no answer"};
  Behaviours behaviours;
  for (std::size_t i = 0; i < kExperimentCount; ++i)
    if ((*letters)[i] != kUnknown) behaviours[kExperiments[i].name] = (*letters)[i] == kYes;
  return behaviours;
}

}  // namespace anonvma
