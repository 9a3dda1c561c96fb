#include "test/live/recording.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "engine/replay/replay.h"
#include "engine/trace/check.h"

namespace anonvma::test {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
T take(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

pid_t start(const std::vector<std::string>& command, const std::string& errors_path) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    const int errors = open(errors_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0);
    dup2(nothing, 1);
    dup2(errors, 2);
    execvp(argv[0], argv.data());
    _exit(126);
  }
  return pid;
}

Outcome finish(pid_t pid, const std::string& errors_path) {
  int status = 0;
  waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(errors_path)};
}

bool records(pid_t pid, const std::string& trace) {
  for (;;) {
    std::error_code missing;
    if (std::filesystem::file_size(trace, missing) > 0 && !missing) return true;
    siginfo_t ended{};
    if (waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        ended.si_pid != 0)
      return false;
    usleep(10'000);
  }
}

Outcome run(const std::vector<std::string>& command) {
  const Scratch scratch;
  const std::string errors = scratch.path("stderr");
  return finish(start(command, errors), errors);
}

Scratch::Scratch() {
  std::string name = std::filesystem::temp_directory_path() / "anonvma-live-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  folder_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Recording read_recording(const std::string& path) {
  const std::string bytes = read_file(path);
  const auto span = std::as_bytes(std::span(bytes));
  const CheckResult checked = take(check(span));
  for (const Finding& finding : checked.findings)
    throw std::runtime_error(std::string(info_of(finding.kind).name) + ": " + finding.what);
  Recording recording;
  TraceReader reader = take(TraceReader::open(span));
  recording.meta = reader.meta();
  for (;;) {
    const auto batch = take(reader.next());
    if (batch.empty()) break;
    recording.events.insert(recording.events.end(), batch.begin(), batch.end());
  }
  recording.end = reader.end().value();
  TraceReader again = take(TraceReader::open(span));
  ReplayOptions options;
  options.strategies = {*find_strategy("num-children")};
  options.threads = 1;
  Comparison comparison = take(replay(again, options));
  if (!comparison.trace.damage.empty()) throw std::runtime_error(comparison.trace.damage);
  recording.model = comparison.rows.front();
  return recording;
}

}  // namespace anonvma::test
