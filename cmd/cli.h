// The command line: a subcommand binds its options to the fields of a plain struct. cli.cpp is the
// only file that knows CLI11.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace anonvma::cmd {

// An option of a subcommand, for further settings of it.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option required() const;
  Option shows_default() const;  // in --help
  Option one_each() const;       // takes one value each time it is given
  // `problem` returns what is wrong with a word, or an empty string.
  Option check(std::string (*problem)(const std::string& word)) const;
  Option between(int least, int most) const;
  Option one_of(const std::vector<std::string>& words) const;
  Option needs(Option other) const;
  Option excludes(Option other) const;

 private:
  CLI::Option* option_;
};

class Subcommand {
 public:
  explicit Subcommand(CLI::App* app) : app_(app) {}
  // An option that sets `value`, which is of one of the types listed in cli.cpp.
  template <class T>
  Option option(const std::string& name, T& value, const std::string& meaning) const;
  // An option that passes its word to `take`, after all checks.
  Option word(const std::string& name, const std::function<void(const std::string&)>& take,
              const std::string& meaning) const;
  // An option whose values are words for the values of an enum.
  template <class E>
  Option choice(const std::string& name, E& value,
                const std::vector<std::pair<std::string, E>>& words,
                const std::string& meaning) const {
    std::vector<std::string> known;
    known.reserve(words.size());
    for (const auto& [word, e] : words) known.push_back(word);
    const auto take = [&value, words](const std::string& given) {
      for (const auto& [word, e] : words)
        if (word == given) value = e;
    };
    return word(name, take, meaning).one_of(known);
  }
  Option flag(const std::string& name, bool& value, const std::string& meaning) const;
  Option flag(const std::string& name, std::function<void()> act, const std::string& meaning) const;
  // Text after the options in --help, with examples.
  void footer(const std::string& text) const;

 private:
  CLI::App* app_;
};

// Parses a word as a number, for checks; T is one of the types listed in cli.cpp.
template <class T>
std::optional<T> number(const std::string& word);
// A check for options whose value is a number of seconds after the first event of a trace.
std::string point_in_time(const std::string& word);

class CommandLine {
 public:
  // The texts of `anonvma --help` and --version.
  struct Program {
    std::string summary, version, footer;
  };
  CommandLine(const Program& program, std::vector<std::string> words);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // The command line as typed into a shell.
  std::string text() const;

  template <class Options>
  struct Added {
    Subcommand command;
    Options& options;  // lives as long as the CommandLine
  };
  // Adds a subcommand: `run` is called with its options.
  template <class Options>
  Added<Options> add(const std::string& name, const std::string& summary,
                     int (*run)(const Options&)) {
    auto command = std::make_unique<CommandWith<Options>>();
    command->run_with = run;
    Options& options = command->options;
    return {add_command(name, summary, std::move(command)), options};
  }
  // For the subcommand `name`, the words after "--" are another program's command line.
  void take_words_behind_dashes(const std::string& name, std::vector<std::string>& words);

  // Parses the words and runs the subcommand. Returns the exit status.
  int run();

 private:
  struct Command {
    virtual ~Command() = default;
    virtual int run() const = 0;
    CLI::App* app = nullptr;
  };
  template <class Options>
  struct CommandWith final : Command {
    int run() const override { return run_with(options); }
    int (*run_with)(const Options&) = nullptr;
    Options options;
  };
  Subcommand add_command(const std::string& name, const std::string& summary,
                         std::unique_ptr<Command> command);

  void add_verbosity();  // -q and -v, to every subcommand
  std::string meant_command(const std::string& word) const;

  std::vector<std::string> words_;
  std::unique_ptr<CLI::App> app_;
  std::vector<std::unique_ptr<Command>> commands_;
  // The subcommands that take words after "--", and where to.
  std::map<std::string, std::vector<std::string>*> behind_dashes_;
};

}  // namespace anonvma::cmd
