#include "test/differential/program.h"

#include <fmt/format.h>

#include <algorithm>

namespace anonvma::differential {
namespace {

Error bad(std::size_t line, std::string_view what) {
  return {ErrorCode::usage, fmt::format("line {}: {}", line, what)};
}

// Takes the next word off `text`.
std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

Result<unsigned> parse_actor(std::string_view word, std::size_t line) {
  if (word == "n:") return kNursery;
  if (word.size() == 2 && word[1] == ':' && word[0] >= '0' && word[0] < '0' + char{kFamily})
    return static_cast<unsigned>(word[0] - '0');
  return bad(line, fmt::format("no actor \"{}\"", word));
}

Status parse_field(Operation& operation, std::string_view word, std::size_t line) {
  const std::size_t equals = word.find('=');
  const auto& fields = info(operation.op).fields;
  for (std::size_t i = 0; equals != std::string_view::npos && i < kFields; ++i) {
    if (fields[i].unit == Unit::none || fields[i].name != word.substr(0, equals)) continue;
    const auto value = parse_value(fields[i].unit, word.substr(equals + 1));
    if (!value) return bad(line, fmt::format("no value: \"{}\"", word));
    operation.args[i] = *value;
    return ok();
  }
  return bad(line, fmt::format("no argument of {}: \"{}\"", info(operation.op).name, word));
}

Result<Operation> parse_line(std::string_view text, std::size_t line) {
  Operation operation;
  std::string_view word = next_word(text);
  if (word != "sync") {
    const Result<unsigned> actor = parse_actor(word, line);
    if (!actor) return actor.error();
    operation.actor = *actor;
    word = next_word(text);
  }
  const std::optional<Op> op = find_op(word);
  if (!op) return bad(line, fmt::format("no operation \"{}\"", word));
  operation.op = *op;
  for (word = next_word(text); !word.empty(); word = next_word(text))
    if (const Status field = parse_field(operation, word, line); !field) return field.error();
  const auto& fields = info(operation.op).fields;
  for (std::size_t i = 0; i < kFields; ++i)
    if (fields[i].unit == Unit::actor && (operation.args[i] < 0 || operation.args[i] >= kFamily))
      return bad(line, "no such actor");
  return operation;
}

}  // namespace

std::string format(const Operation& operation) {
  if (operation.op == Op::sync) return "sync";
  const OpInfo& of = info(operation.op);
  std::string line = operation.actor == kNursery ? "n" : std::to_string(operation.actor);
  line += fmt::format(": {}", of.name);
  for (std::size_t i = 0; i < kFields; ++i)
    if (of.fields[i].unit != Unit::none)
      line += fmt::format(" {}={}", of.fields[i].name,
                          format_value(of.fields[i].unit, operation.args[i]));
  return line;
}

std::string format(const Program& program) {
  std::string text;
  for (const Operation& operation : program) text += format(operation) + "\n";
  return text;
}

Result<Program> parse_program(std::string_view text) {
  Program program;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    content = content.substr(0, content.find('#'));
    if (content.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Result<Operation> operation = parse_line(content, line);
    if (!operation) return operation.error();
    program.push_back(*operation);
  }
  return program;
}

bool concurrent(const Program& program) {
  return std::any_of(program.begin(), program.end(),
                     [](const Operation& operation) { return operation.op == Op::sync; });
}

}  // namespace anonvma::differential
