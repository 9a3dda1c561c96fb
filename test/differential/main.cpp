// Random programs on the running kernel: recorded, replayed in the model, and compared with the
// kernel's own lists after every operation.
#include <fmt/format.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "test/differential/campaign.h"

namespace anonvma::differential {
namespace {

constexpr int kSkipped = 77;

// True if anonvma can record here; else it prints the reason itself.
bool can_record(const std::string& anonvma) {
  const int status = std::system((anonvma + " doctor >/dev/null").c_str());
  const int answer = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  return answer != 69 && answer != kSkipped;
}

struct Words {
  std::vector<std::string> only, without;
};

Status choose(Taste& taste, const Words& words) {
  constexpr unsigned kAsked = 20;  // the weight of an operation that has none of its own
  if (!words.only.empty()) taste.weights.fill(0);
  for (const auto* const list : {&words.only, &words.without}) {
    for (const std::string& name : *list) {
      const std::optional<Op> op = find_op(name);
      if (!op || *op == Op::sync) return Error{ErrorCode::usage, "no operation \"" + name + "\""};
      const unsigned weight = info(*op).weight > 0 ? info(*op).weight : kAsked;
      taste.weights[static_cast<std::size_t>(*op)] = list == &words.only ? weight : 0;
    }
  }
  return ok();
}

// Runs the programs of these files, one after another, even when an earlier one differs.
Result<bool> replay(Campaign& campaign, const std::vector<std::string>& paths) {
  std::size_t differing = 0;
  for (const std::string& path : paths) {
    std::ifstream file(path);
    if (!file) return Error{ErrorCode::io, path + ": cannot be read"};
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const Result<Program> program = parse_program(text);
    if (!program) return Error{ErrorCode::usage, path + ": " + program.error().message};
    const Result<bool> equal = campaign.replay(*program);
    if (!equal) return equal.error();
    fmt::print("{} {}\n", *equal ? "equal  " : "DIFFERS", path);
    differing += *equal ? 0 : 1;
  }
  fmt::print("{} programs, {} differ\n", paths.size(), differing);
  return differing == 0;
}

int fuzz(int argc, char** argv) {
  CampaignOptions options;
  options.target = ANONVMA_TARGET;
  Words words;
  std::string anonvma = ANONVMA_PROGRAM;
  std::vector<std::string> programs;
  std::optional<unsigned> seconds;
  CLI::App app("Random programs on the running kernel, compared with the model after each step.");
  app.add_option("--seed", options.seed, "of the first program (default: the time)")->take_last();
  app.add_option("--ops", options.operations, "stop after so many operations; 0: never")
      ->capture_default_str()
      ->take_last();
  app.add_option("--seconds", seconds, "stop after so many seconds")->take_last();
  app.add_option("--program-ops", options.taste.operations, "of one program")
      ->capture_default_str();
  app.add_option("--processes", options.taste.processes, "of one program, at most")
      ->capture_default_str()
      ->check(CLI::Range(1u, kFamily));
  app.add_option("--threads", options.taste.threads, "more than one: run at once, in one process")
      ->capture_default_str()
      ->check(CLI::Range(1u, kFamily));
  app.add_option("--only", words.only, "these operations, separated by commas")->delimiter(',');
  app.add_option("--without", words.without, "not these operations")->delimiter(',');
  app.add_option("--anonvma", anonvma, "the program whose doctor is asked whether this can work");
  app.add_option("--target", options.target, "the program that is recorded");
  app.add_option("--program", programs, "run the programs in these files instead");
  app.add_flag("--aslr", options.aslr, "let addresses differ from run to run");
  app.add_flag("--keep-going", options.keep_going, "do not stop at the first difference");
  app.add_flag("!--no-shrink", options.shrink, "do not shrink a program that differs");
  app.add_flag("--verbose", options.verbose, "print every program, with results");
  CLI11_PARSE(app, argc, argv);
  if (app.count("--seed") == 0) options.seed = static_cast<std::uint64_t>(std::time(nullptr)) << 16;
  if (options.operations == 0) options.operations = ~0ull;
  if (seconds) options.time = std::chrono::seconds(*seconds);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (!can_record(anonvma)) {
    fmt::print("skipped: anonvma doctor says that this machine cannot record\n");
    return kSkipped;
  }
  if (const Status chosen = choose(options.taste, words); !chosen) {
    fmt::print(stderr, "{}\n", chosen.error().message);
    return 2;
  }
  if (programs.empty()) fmt::print("seed {:#x}\n", options.seed);
  Campaign campaign(options);
  const Result<bool> agreed = programs.empty() ? campaign.fuzz() : replay(campaign, programs);
  if (!agreed) fmt::print("error: {}\n", agreed.error().message);
  return agreed && *agreed ? 0 : 1;
}

}  // namespace
}  // namespace anonvma::differential

int main(int argc, char** argv) {
  try {
    return anonvma::differential::fuzz(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
