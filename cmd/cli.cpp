#include "cmd/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdint>

#include "cmd/exit.h"
#include "cmd/messages.h"
#include "engine/nearest.h"
#include "engine/result.h"

namespace anonvma::cmd {

Option Option::required() const { return Option(option_->required()); }
Option Option::shows_default() const { return Option(option_->capture_default_str()); }
Option Option::one_each() const { return Option(option_->allow_extra_args(false)); }
Option Option::check(std::string (*problem)(const std::string&)) const {
  return Option(option_->check(problem));
}
Option Option::between(int least, int most) const {
  return Option(option_->check(CLI::Range(least, most)));
}
Option Option::one_of(const std::vector<std::string>& words) const {
  const CLI::IsMember among(words);
  const auto problem = [among, words](std::string& word) -> std::string {
    const std::string wrong = among(word);
    const std::vector<std::string_view> known(words.begin(), words.end());
    return wrong.empty() ? "" : wrong + did_you_mean(word, known);
  };
  return Option(option_->check(CLI::Validator(problem, among.get_description())));
}
Option Option::needs(Option other) const { return Option(option_->needs(other.option_)); }
Option Option::excludes(Option other) const { return Option(option_->excludes(other.option_)); }

template <class T>
Option Subcommand::option(const std::string& name, T& value, const std::string& meaning) const {
  return Option(app_->add_option(name, value, meaning));
}
template Option Subcommand::option(const std::string&, std::string&, const std::string&) const;
template Option Subcommand::option(const std::string&, double&, const std::string&) const;
template Option Subcommand::option(const std::string&, unsigned&, const std::string&) const;
template Option Subcommand::option(const std::string&, std::uint64_t&, const std::string&) const;
template Option Subcommand::option(const std::string&, std::optional<double>&,
                                   const std::string&) const;
template Option Subcommand::option(const std::string&, std::vector<int>&, const std::string&) const;
template Option Subcommand::option(const std::string&, std::vector<std::uint32_t>&,
                                   const std::string&) const;
template Option Subcommand::option(const std::string&, std::vector<std::string>&,
                                   const std::string&) const;

Option Subcommand::word(const std::string& name,
                        const std::function<void(const std::string&)>& take,
                        const std::string& meaning) const {
  return Option(app_->add_option_function<std::string>(name, take, meaning));
}
Option Subcommand::flag(const std::string& name, bool& value, const std::string& meaning) const {
  return Option(app_->add_flag(name, value, meaning));
}
Option Subcommand::flag(const std::string& name, std::function<void()> act,
                        const std::string& meaning) const {
  return Option(app_->add_flag_callback(name, std::move(act), meaning));
}
void Subcommand::footer(const std::string& text) const { app_->footer(text); }

template <class T>
std::optional<T> number(const std::string& word) {
  T value{};
  if (!CLI::detail::lexical_cast(word, value)) return {};
  return value;
}
template std::optional<double> number<double>(const std::string&);
template std::optional<int> number<int>(const std::string&);
template std::optional<std::uint64_t> number<std::uint64_t>(const std::string&);

std::string point_in_time(const std::string& word) {
  const auto value = number<double>(word);
  const bool good = value && *value >= 0 && *value < 1e9;
  return good ? "" : "'" + word + "' is no number of seconds from 0";
}

CommandLine::CommandLine(const Program& program, std::vector<std::string> words)
    : words_(std::move(words)), app_(std::make_unique<CLI::App>(program.summary, "anonvma")) {
  app_->set_version_flag("--version", program.version);
  app_->require_subcommand(1);
  app_->get_formatter()->column_width(32);
  app_->footer(program.footer);
}

CommandLine::~CommandLine() = default;

std::string CommandLine::text() const {
  std::string line = "anonvma";
  for (const std::string& word : words_) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
      return std::isalnum(c) ||
             std::string_view("-_=+./,:@%").find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (plain) {
      line += ' ';
      line += word;
      continue;
    }
    line += " '";
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += "'";
  }
  return line;
}

Subcommand CommandLine::add_command(const std::string& name, const std::string& summary,
                                    std::unique_ptr<Command> command) {
  command->app = app_->add_subcommand(name, summary);
  commands_.push_back(std::move(command));
  return Subcommand(commands_.back()->app);
}

void CommandLine::take_words_behind_dashes(const std::string& name,
                                           std::vector<std::string>& words) {
  behind_dashes_[name] = &words;
}

namespace {

// The end of a message about words that are no options: the option that the first one is like.
std::string meant_option(const CLI::App& command, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  const std::vector<std::string_view> known(names.begin(), names.end());
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (name.starts_with("--") && std::find(known.begin(), known.end(), name) == known.end())
      return did_you_mean(name, known);
  }
  return "";
}

// Prints help and --version as they are. Any other error is one line that points to --help.
int parse_error(const CLI::App& app, const CLI::ParseError& error, const std::string& command,
                const std::string& meant) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
  std::string message = error.what();
  if (!message.empty() && message.back() == '.') message.pop_back();
  return fail({ErrorCode::usage, message + meant + "; see anonvma " + command + "--help"});
}

}  // namespace

void CommandLine::add_verbosity() {
  for (const auto& command : commands_) {
    CLI::App& app = *command->app;
    if (app.get_option_no_throw("--quiet") == nullptr)
      app.add_flag_callback(
          "-q,--quiet", [] { set_verbosity(Verbosity::quiet); }, "Only warnings, and no progress");
    app.add_flag_callback(
        "-v,--verbose", [] { set_verbosity(Verbosity::verbose); },
        "Also say what is read, and how long it takes");
  }
}

std::string CommandLine::meant_command(const std::string& word) const {
  std::vector<std::string> names;
  for (const auto& command : commands_) names.push_back(command->app->get_name());
  const std::vector<std::string_view> known(names.begin(), names.end());
  return did_you_mean(word, known);
}

int CommandLine::run() {
  add_verbosity();
  std::vector<std::string> words = words_;
  const std::string word = words.empty() ? "" : words.front();
  const bool known = std::any_of(commands_.begin(), commands_.end(),
                                 [&](const auto& c) { return c->app->check_name(word); });
  if (!known && !word.empty() && word.front() != '-')
    return fail({ErrorCode::usage,
                 "unknown command '" + word + "'" + meant_command(word) + "; see anonvma --help"});
  // CLI11 would read the words "[ -f x ]" after "--" as a list.
  if (const auto dashes = std::find(words.begin(), words.end(), "--");
      behind_dashes_.contains(word) && dashes != words.end()) {
    std::vector<std::string>& behind = *behind_dashes_[word];
    behind.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
    if (behind.empty())
      return fail({ErrorCode::usage, "no command behind --; see anonvma " + word + " --help"});
  }
  std::reverse(words.begin(), words.end());  // the order that CLI11 expects
  try {
    app_->parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    const auto* const of = known ? app_->get_subcommand(word) : nullptr;
    const bool unexpected = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    return parse_error(*app_, error, known ? word + " " : "",
                       unexpected && of != nullptr ? meant_option(*of, words_) : "");
  }
  for (const auto& command : commands_)
    if (command->app->parsed()) return command->run();
  return kUsage;
}

}  // namespace anonvma::cmd
